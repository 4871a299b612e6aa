package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// statusMutants break whether the status of a command is there, and its state.
func statusMutants() []Mutant {
	return slices.Concat(
		breaks("EX-STATUS-01", documentedStatus(commandStatus)...),
		followed("EX-STATUS-02",
			forgets(commandStatus, "none in the foreground while it runs", inForeground, running),
			forgets(commandStatus, "none in the background while it runs", inBackground, running),
			forgets(commandStatus, "forgotten at its end in the foreground", inForeground, over),
			forgets(commandStatus, "forgotten at its end in the background", inBackground, over),
			forgets(commandStatus, "of the newest command only", older),
			forgets(commandStatus, "only when 700 ms have passed", within(700*time.Millisecond)),
			tells(commandStatus, "running for ever", saying("running", true)),
			tells(commandStatus, "running for ever in the background", saying("running", true), inBackground),
			tells(commandStatus, "never running", saying("running", false)),
			tells(commandStatus, "never running in the background", saying("running", false), inBackground),
			tells(commandStatus, "running is left out", func(b map[string]any) { delete(b, "running") }, running),
			tells(commandStatus, "no exit code", func(b map[string]any) { delete(b, "exit_code") }, over),
			tells(commandStatus, "always exit code 0", exitCode(func(int64) any { return 0 })),
			tells(commandStatus, "always exit code 0 in the background", exitCode(func(int64) any { return 0 }), inBackground),
			tells(commandStatus, "any failure is 1", exitCode(func(n int64) any { return min(n, 1) })),
			tells(commandStatus, "a wait status as exit code", exitCode(func(n int64) any { return n << 8 })),
			tells(commandStatus, "0 is no exit code", exitCode(func(n int64) any {
				if n == 0 {
					return nil
				}
				return n
			})),
		),
		breaks("EX-STATUS-03",
			mutant.Status(commandStatus, 404, 400),
			mutant.Status(commandStatus, 404, 410),
			mutant.Status(commandStatus, 404, 500),
		),
		followed("EX-STATUS-03",
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(x.strangers(commandStatus), 200, map[string]any{"id": "?", "running": false}), commandStatus, "an unknown id does not run")
			},
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(x.strangers(commandStatus), 204, nil), commandStatus, "an unknown id: status 204")
			},
			instead("the status of the newest command for an unknown id"),
		),
		failedStartMutants(),
	)
}

// documentedStatus breaks the document of a status.
func documentedStatus(op mutant.Match) []mutant.Fault {
	ended := func(what, property string, change func(any) any) mutant.Fault {
		return mutant.ChangeField(op, property, what, func(v any) any {
			if v == nil {
				return nil
			}
			return change(v)
		})
	}
	return append([]mutant.Fault{
		mutant.Status(op, 200, 201),
		mutant.ContentType(op, "text/plain; charset=utf-8"),
		chained(op, "neither id nor session", mutant.DropField(op, "id"), mutant.DropField(op, "session")),
		ended("is text", "exit_code", func(v any) any { return string(mustJSON(v)) }),
		ended("is text", "running", func(v any) any { return string(mustJSON(v)) }),
		ended("is a number", "started_at", func(any) any { return nowMilli() }),
		ended("has no zone", "finished_at", func(v any) any {
			return onTime(v, func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") })
		}),
		mutant.JSONBody(op, "in an envelope", func(b map[string]any) {
			inner := make(map[string]any, len(b))
			for k, v := range b {
				inner[k] = v
				delete(b, k)
			}
			b["data"] = inner
		}),
	}, undocumented(op, 404)...)
}

// exitCode changes the exit code where there is one.
func exitCode(change func(n int64) any) func(map[string]any) {
	return func(b map[string]any) {
		if number, ok := b["exit_code"].(json.Number); ok {
			if n, err := number.Int64(); err == nil {
				b["exit_code"] = change(n)
			}
		}
	}
}

// within tells commands that began less than d ago.
func within(d time.Duration) about {
	return func(_ *executions, e *execution) bool { return time.Since(e.began) < d }
}

// instead answers for the newest command where the id is unknown.
func instead(what string) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		return mutant.Fault{Name: commandStatus.String() + ": " + what, Match: x.strangers(commandStatus), Request: func(r *http.Request, act func()) error {
			if id := x.newest(); id != "" {
				act()
				r.URL.Path, r.URL.RawPath = "/command/status/"+id, ""
			}
			return nil
		}}
	}
}

// failedStartMutants tell a start that failed by a stream, and nothing right of it afterwards.
func failedStartMutants() []Mutant {
	now := func() string { return time.Now().UTC().Format(time.RFC3339Nano) }
	var all []Mutant
	for _, tc := range []struct {
		what   string
		status int
		body   func() map[string]any
	}{
		{"no status", 404, func() map[string]any { return refusal("no such command") }},
		{"still running", 200, func() map[string]any { return map[string]any{"id": "e1", "running": true, "started_at": now()} }},
		{"exit code 0", 200, func() map[string]any {
			return map[string]any{"id": "e1", "running": false, "exit_code": 0, "started_at": now(), "finished_at": now()}
		}},
		{"no exit code and no error", 200, func() map[string]any {
			return map[string]any{"session": "e1", "running": false, "started_at": now(), "finished_at": now()}
		}},
		{"exit code null and an empty error", 200, func() map[string]any {
			return map[string]any{"id": "e1", "running": false, "exit_code": nil, "error": "", "started_at": now()}
		}},
	} {
		all = append(all, Mutant{
			Requirement: "EX-STATUS-04", Name: commandStatus.String() + ": a start that failed: " + tc.what,
			Wire: failsToStart(runCommand.WithBody(func(b map[string]any) bool { _, ok := b["command"].(string); return ok })),
			HTTP: func(next http.Handler, act func()) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					id, asked := strings.CutPrefix(r.URL.Path, "/command/status/")
					if r.Method != http.MethodGet || !asked || id != "e1" && !noProgram(next, r) {
						next.ServeHTTP(w, r)
						return
					}
					act()
					body := tc.body()
					for _, name := range []string{"id", "session"} {
						if body[name] != nil {
							body[name] = id
						}
					}
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(tc.status)
					_, _ = w.Write(mustJSON(body)) // to a client that may be gone
				})
			},
		})
	}
	return all
}

// noProgram says whether a status is that of a shell that found no program to start.
func noProgram(next http.Handler, r *http.Request) bool {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r.Clone(r.Context()))
	var status struct {
		ExitCode int `json:"exit_code"`
	}
	return json.Unmarshal(rec.Body.Bytes(), &status) == nil && (status.ExitCode == 126 || status.ExitCode == 127)
}
