package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// sessionRunMutants break the requests of runs, their time and their end.
func sessionRunMutants() []Mutant {
	noCommand := func(b map[string]any) bool { return b["command"] == nil }
	wrongCommand := func(b map[string]any) bool {
		_, ok := b["command"].(string)
		return !ok && b["command"] != nil
	}
	noJSON := runInSession.WithRawBody(func(b []byte) bool { return !json.Valid(b) })
	timeout := func(what string, change func(ms int64) int64) mutant.Fault {
		return mutant.RewriteRequestJSON(runInSession, what, func(b map[string]any) {
			if n, ok := b["timeout"].(json.Number); ok {
				if ms, err := n.Int64(); err == nil && ms > 0 {
					b["timeout"] = change(ms)
				}
			}
		})
	}
	end := func(what, eventType string, change func(map[string]any)) mutant.Fault {
		return mutant.ChangeEvent(runInSession, eventType, what, change)
	}
	return slices.Concat(
		breaks("EX-SESSION-09",
			mutant.RewriteRequestJSON(runInSession, "timeout is ignored", func(b map[string]any) { delete(b, "timeout") }),
			timeout("timeout in seconds", func(ms int64) int64 { return ms * 1000 }),
			timeout("the timeout comes 8 s late", func(ms int64) int64 { return ms + 8000 }),
		),
		[]Mutant{
			endedSession("a timeout closes the session", false),
			endedSession("a timeout begins the session anew", true),
		},
		breaks("EX-SESSION-10",
			end("always evalue 1", "error", func(e map[string]any) { setEvalue(e, "1") }),
			end("evalue in words", "error", func(e map[string]any) { setEvalue(e, "exit status "+evalue(e)) }),
			end("evalue as a signed byte", "error", func(e map[string]any) {
				if n, err := strconv.Atoi(evalue(e)); err == nil {
					setEvalue(e, strconv.Itoa(int(int8(n))))
				}
			}),
			end("a failure ends in execution_complete", "error", toComplete),
			end("a good end is an error with 0", "execution_complete", func(e map[string]any) {
				delete(e, "execution_time")
				e["type"] = "error"
				e["error"] = map[string]any{"ename": "CommandExecError", "evalue": "0", "traceback": []string{"exit status 0"}}
			}),
			exitsKept(),
		),
		breaks("EX-SESSION-12",
			mutant.RewriteRequestJSON(runInSession, "a command of another type is made text", func(b map[string]any) {
				if wrongCommand(b) {
					b["command"] = strings.Trim(fmt.Sprint(b["command"]), "[]")
				}
			}),
			mutant.RewriteRequestJSON(runInSession, "no command is an empty command", func(b map[string]any) {
				if noCommand(b) {
					b["command"] = ""
				}
			}),
			mutant.RewriteRequestJSON(runInSession, "optional fields of a wrong type are ignored", func(b map[string]any) {
				for _, field := range wrongOptions(b) {
					delete(b, field)
				}
			}),
			mutant.RewriteRequestBody(runInSession, "a body that is no JSON is the command", func(body []byte) []byte {
				if json.Valid(body) || len(bytes.TrimSpace(body)) == 0 {
					return body
				}
				return mustJSON(map[string]any{"command": string(body)})
			}),
			renamed(mutant.Status(runInSession.WithBody(noCommand), 400, 422), runInSession, "no command: status 422"),
			renamed(mutant.Status(runInSession.WithBody(wrongCommand), 400, 500), runInSession, "a command of another type: status 500"),
			renamed(mutant.Status(noJSON, 400, 500), runInSession, "no JSON: status 500"),
			renamed(failsToStart(runInSession.WithBody(noCommand)), runInSession, "no command: a stream that ends in an error"),
		),
		[]Mutant{onRuns("EX-SESSION-12", "runs the command and then answers 400", runsFirst)},
	)
}

// onRuns is a mutant whose fault is around the daemon's handler, for runs in sessions.
func onRuns(requirement, what string, serve func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request)) Mutant {
	return Mutant{Requirement: requirement, Name: runInSession.String() + ": " + what, HTTP: func(next http.Handler, act func()) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run") {
				serve(next, act, w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}}
}

// endedSession closes a session of which a run came to its timeout. Anew is a new one behind the same id.
func endedSession(what string, anew bool) Mutant {
	x := newExecutions()
	var mu sync.Mutex
	now := map[string]string{} // by the id that the client knows
	return Mutant{Requirement: "EX-SESSION-09", Name: runInSession.String() + ": " + what, HTTP: func(next http.Handler, act func()) http.Handler {
		inner := x.watch(next, nil)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found := sessionInPath.FindStringSubmatch(r.URL.Path)
			if found == nil {
				inner.ServeHTTP(w, r)
				return
			}
			id := found[1]
			mu.Lock()
			if other, ok := now[id]; ok {
				r.URL.Path, r.URL.RawPath = strings.Replace(r.URL.Path, "/session/"+id, "/session/"+other, 1), ""
			}
			mu.Unlock()
			var b struct {
				Timeout float64 `json:"timeout"`
			}
			_ = json.Unmarshal(takeBody(r), &b) // no timeout then
			began := time.Now()
			inner.ServeHTTP(w, r)
			if b.Timeout <= 0 || time.Since(began) < time.Duration(b.Timeout)*time.Millisecond {
				return
			}
			act() // and the client has not seen the end of the body yet
			x.ask(http.MethodDelete, "/session/"+id, nil)
			if !anew {
				return
			}
			if other := x.newSession(); other != "" {
				mu.Lock()
				now[id] = other
				mu.Unlock()
			}
		})
	}}
}

// exitsKept ends a good run as the one before it failed.
func exitsKept() mutant.Fault {
	var mu sync.Mutex
	var failed map[string]any
	return framewise(runInSession, "a good run ends as a bad one before it", func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case f.Is("error"):
				failed = f.Event
			case f.Is("execution_complete") && failed != nil:
				act()
				return []mutant.Frame{stamped(map[string]any{"type": "error", "error": failed["error"]}, f)}
			}
			return []mutant.Frame{f}
		}
	})
}

// sessionOutputMutants lose or change what runs wrote.
func sessionOutputMutants() []Mutant {
	text := textsOf(runInSession)
	return slices.Concat(
		breaks("EX-SESSION-13",
			lastOf(runInSession, "stdout", "the last line is lost", endAlone),
			lastOf(runInSession, "stdout", "the last line comes behind the end", behindEnd),
			inLaterRun(),
			mutant.DropEvent(runInSession, "stderr"),
			mutant.SetEventField(runInSession, "stderr", "type", "stdout"),
			mutant.DuplicateEvent(runInSession, "stdout"),
			mutant.SwapOrder(runInSession, "stdout", "stdout"),
			text("stdout", "space at both ends is lost", trimmed),
			text("stdout", "ASCII only", asciiOnly),
			text("stdout", "lines are cut at 64 KiB", cutAt(64<<10)),
			framewise(runInSession, "the mark of the end is shown", func(act func()) func(mutant.Frame) []mutant.Frame {
				return func(f mutant.Frame) []mutant.Frame {
					if !isLast(f) {
						return []mutant.Frame{f}
					}
					act()
					return []mutant.Frame{stamped(map[string]any{"type": "stdout", "text": "__END__ 0"}, f), f}
				}
			}),
		),
		[]Mutant{onRuns("EX-SESSION-13", "a last line without line end is lost", filtered(piped, lastLineLost))},
	)
}

// inLaterRun shows the last line of a run once more, behind the init of the next.
func inLaterRun() mutant.Fault {
	var mu sync.Mutex
	var last map[string]any
	return framewise(runInSession, "the last line comes in the next run too", func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case f.Is("stdout"):
				last = f.Event
			case f.Is("init") && last != nil:
				act()
				return []mutant.Frame{f, stamped(map[string]any{"type": "stdout", "text": last["text"]}, f)}
			}
			return []mutant.Frame{f}
		}
	})
}
