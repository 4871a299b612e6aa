package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// interruptMutants break the interrupt of commands.
func interruptMutants() []Mutant {
	noID := interruptCommand.Where(func(r *http.Request) bool { return !r.URL.Query().Has("id") })
	stranger := func(what string, status int, body any) func(x *executions) mutant.Fault {
		return func(x *executions) mutant.Fault {
			return renamed(mutant.Answer(x.strangers(interruptCommand), status, body), interruptCommand, "an unknown id: "+what)
		}
	}
	return slices.Concat(
		followed("EX-CMD-15",
			claims(interruptCommand, "answers 200 and does nothing", 200, nil),
			claims(interruptCommand, "does nothing in the foreground", 200, nil, inForeground),
			claims(interruptCommand, "does nothing in the background", 200, nil, inBackground),
			claims(interruptCommand, "no such command in the background", 404, refusal("no such command"), inBackground),
			claims(interruptCommand, "SIGTERM and no more", 200, nil, trapsSignals),
			func(x *executions) mutant.Fault {
				return mutant.RewriteQuery(interruptCommand, "ends the newest command, whatever the id is", func(q url.Values) {
					if x.find(q.Get("id")) != nil {
						q.Set("id", x.newest())
					}
				})
			},
			interrupted("ends in execution_complete", toComplete),
			interrupted("evalue 0", func(e map[string]any) { setEvalue(e, "0") }),
			interrupted("the name of the signal as evalue", func(e map[string]any) { setEvalue(e, "SIGTERM") }),
			interrupted("no evalue", func(e map[string]any) { setEvalue(e, "") }),
			interrupted("no end", nil),
		),
		[]Mutant{misbehaves("EX-CMD-15", "ends it 15 s later", "DELETE", "/command", interruptsLate)},
		breaks("EX-CMD-16",
			mutant.Status(interruptCommand, 200, 202),
			mutant.Status(interruptCommand, 200, 204),
			bodyAdded(interruptCommand),
		),
		breaks("EX-CMD-16", undocumented(interruptCommand, 404)...),
		breaks("EX-CMD-16", renamed(mutant.Status(noID, 400, 422), interruptCommand, "no id: status 422")),
		breaks("EX-CMD-17",
			groupsApart("the shell alone is reached", func(map[string]any) bool { return true }),
			groupsApart("the shell alone is reached in the foreground", func(b map[string]any) bool { return b["background"] != true }),
			groupsApart("the shell alone is reached in the background", func(b map[string]any) bool { return b["background"] == true }),
		),
		followed("EX-CMD-18",
			stranger("200", 200, nil),
			stranger("status 204", 204, nil),
			stranger("status 400", 400, refusal("no such command")),
			stranger("status 409", 409, refusal("not running")),
			stranger("status 500", 500, refusal("no such process")),
		),
	)
}

// trapsSignals tells commands that take signals on themselves.
func trapsSignals(_ *executions, e *execution) bool {
	text, _ := e.request["command"].(string)
	return strings.Contains(text, "trap")
}

// interrupted changes the last event of streams whose command was interrupted; nil leaves it out.
func interrupted(what string, change func(map[string]any)) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		return framewise(foreground, "interrupted: "+what, func(act func()) func(mutant.Frame) []mutant.Frame {
			id := ""
			return func(f mutant.Frame) []mutant.Frame {
				if f.Is("init") {
					id, _ = f.Event["text"].(string)
				}
				e := x.find(id)
				if !f.Is("error") || e == nil || e.interrupts == 0 {
					return []mutant.Frame{f}
				}
				if act(); change == nil {
					return nil
				}
				change(f.Event)
				return []mutant.Frame{mutant.Encode(f.Event)}
			}
		})
	}
}

// interruptsLate answers at once and delivers the interrupt when 15 s have passed.
func interruptsLate(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	act()
	w.Header().Set("Content-Length", "0")
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // to a client that may be gone
	later := r.Clone(context.WithoutCancel(r.Context()))
	_ = pass(later.Context(), 15*time.Second) // which never ends early
	next.ServeHTTP(httptest.NewRecorder(), later)
}

// groupsApart gives what the shell starts groups of its own.
func groupsApart(what string, test func(map[string]any) bool) mutant.Fault {
	return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
		if command, ok := b["command"].(string); ok && test(b) {
			b["command"] = "set -m\n" + command
		}
	})
}
