package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// moreCommandVariants are daemons whose status, output, logs and sessions are odd and allowed.
func moreCommandVariants() []Benign {
	var variants []Benign
	for _, f := range slices.Concat(oddStates(), oddSessions(), lessOfCommands(), []mutant.Fault{otherCursors(), otherCommandIDs()}) {
		variants = append(variants, Benign{Wire: f})
	}
	return append(variants, Benign{Wire: pings(), Silence: true})
}

// states are the answers that say how a command is.
var states = mutant.Path("GET", regexp.MustCompile(`/command/(status|output)/[^/]+$`))

func oddStates() []mutant.Fault {
	state := func(what string, change func(b map[string]any)) mutant.Fault {
		return mutant.Fault{Name: "states: " + what, Match: states, Response: mutant.JSONBody(states, "", change).Response}
	}
	times := func(b map[string]any, write func(time.Time) string) {
		for _, name := range []string{"started_at", "finished_at"} {
			if b[name] != nil {
				b[name] = onTime(b[name], write)
			}
		}
	}
	return []mutant.Fault{
		state("id alone", func(b map[string]any) { delete(b, "session") }),
		state("session alone", func(b map[string]any) { delete(b, "id") }),
		state("no content", func(b map[string]any) { delete(b, "content") }),
		state("further properties", func(b map[string]any) { b["pid"], b["usage"] = 7, map[string]any{"cpu": nil} }),
		state("null while it runs", func(b map[string]any) {
			if b["running"] == true {
				b["exit_code"], b["finished_at"] = nil, nil
			}
		}),
		state("left out while it runs", func(b map[string]any) {
			if b["running"] == true {
				for _, name := range []string{"exit_code", "finished_at"} {
					delete(b, name)
				}
				b["pid"] = 7
			}
		}),
		state("an empty error at a good end, other words at a bad one", func(b map[string]any) {
			if b["exit_code"] != nil {
				b["error"] = ""
				if string(mustJSON(b["exit_code"])) != "0" {
					b["error"] = "¡no!"
				}
			}
		}),
		state("143 for a signal", exitCode(func(n int64) any {
			if n < 0 {
				return 143
			}
			return n
		})),
		state("times of another zone", func(b map[string]any) {
			times(b, func(at time.Time) string {
				return at.In(time.FixedZone("", -(9*3600 + 1800))).Format(time.RFC3339Nano)
			})
		}),
		state("times in whole seconds", func(b map[string]any) {
			times(b, func(at time.Time) string { return at.UTC().Format(time.RFC3339) })
		}),
		state("empty output is left out", func(b map[string]any) {
			for _, name := range []string{"stdout", "stderr"} {
				if b[name] == "" {
					delete(b, name)
				}
			}
		}),
		mutant.Chunked(commandLogs),
	}
}

func oddSessions() []mutant.Fault {
	noJSON := runInSession.WithHeader(tokenHeader, token).WithRawBody(func(b []byte) bool { return !json.Valid(b) })
	return []mutant.Fault{
		mutant.RewriteRequestJSON(runInSession, "the session stays in the cwd of a run", func(b map[string]any) {
			command, ok := b["command"].(string)
			if cwd, _ := b["cwd"].(string); ok && cwdIsDirectory(b) {
				b["command"] = "cd " + quoted(cwd) + "\n" + command
				delete(b, "cwd")
			}
		}),
		renamed(mutant.Status(noJSON, 400, 415), runInSession, "415 for a body that is no JSON"),
		mutant.Comments(runInSession, "keep-alive"),
		mutant.Trickle(runInSession, 100),
		mutant.SetField(openSession, "shell", "/bin/bash"),
	}
}

// lessOfCommands are daemons without optional capabilities.
func lessOfCommands() []mutant.Fault {
	sessions := mutant.Path("", regexp.MustCompile(`/session(/[^/]+(/run)?)?$`)).WithHeader(tokenHeader, token)
	without := func(what string, m mutant.Match, status int) mutant.Fault {
		f := mutant.Answer(m, status, refusal("not here"))
		f.Name = "without " + what + ": " + http.StatusText(status)
		return f
	}
	return []mutant.Fault{
		without("sessions", sessions, 404),
		without("sessions", sessions, 501),
		without("command-output", commandOutput.WithHeader(tokenHeader, token), 404),
		without("command-logs", commandLogs.WithHeader(tokenHeader, token), 404),
	}
}

// otherCursors counts otherwise: a cursor has no meaning but to its daemon.
func otherCursors() mutant.Fault {
	const start, step = 1000, 3
	return mutant.Fault{
		Name: commandLogs.String() + ": cursors that are no offsets", Match: commandLogs,
		Request: func(r *http.Request, _ func()) error {
			if n := cursorOf(r); n >= start {
				r.URL.RawQuery = url.Values{"cursor": {strconv.FormatInt((n-start)/step, 10)}}.Encode()
			}
			return nil
		},
		Response: func(res *http.Response, act func()) error {
			if n, err := strconv.ParseInt(res.Header.Get(cursorHeader), 10, 64); err == nil {
				act()
				res.Header.Set(cursorHeader, strconv.FormatInt(start+step*n, 10))
			}
			return nil
		},
	}
}

// otherCommandIDs gives commands and sessions ids that a client must escape.
func otherCommandIDs() mutant.Fault {
	const more = " +é&7"
	inPath := regexp.MustCompile(regexp.QuoteMeta(more) + `(/run|/logs)?$`)
	streams := mutant.Path("POST", regexp.MustCompile(`/(command|session/[^/]+/run)$`))
	return mutant.Fault{
		Name: "any operation: ids of another form", Match: mutant.Any(),
		Request: func(r *http.Request, _ func()) error {
			if inPath.MatchString(r.URL.Path) {
				r.URL.Path, r.URL.RawPath = inPath.ReplaceAllString(r.URL.Path, "$1"), ""
			}
			if q := r.URL.Query(); strings.HasSuffix(q.Get("id"), more) {
				q.Set("id", strings.TrimSuffix(q.Get("id"), more))
				r.URL.RawQuery = q.Encode()
			}
			return nil
		},
		Response: func(res *http.Response, act func()) error {
			longer := func(b map[string]any) {
				for _, name := range []string{"id", "session", "session_id"} {
					if text, ok := b[name].(string); ok {
						b[name] = text + more
					}
				}
			}
			switch path := res.Request.URL.Path; {
			case strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream"):
				return mutant.ChangeEvent(streams, "init", "", func(e map[string]any) {
					if path != "/code" {
						e["text"] = anyText(e["text"]) + more
					}
				}).Response(res, act)
			case path == "/session", strings.HasPrefix(path, "/command/") && !strings.HasSuffix(path, "/logs"):
				return mutant.JSONBody(mutant.Any(), "", longer).Response(res, act)
			}
			return nil
		},
	}
}

// pings shows that a stream is alive by an event, not by a comment.
func pings() mutant.Fault {
	return mutant.Stream(runCommand, "pings for comments", func(_ context.Context, act func()) mutant.Editor {
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			if f.Data != nil || !strings.HasPrefix(string(f.Raw), ":") {
				return []mutant.Frame{f}, nil
			}
			act()
			return []mutant.Frame{mutant.Encode(map[string]any{"type": "ping", "timestamp": nowMilli()})}, nil
		}}
	})
}
