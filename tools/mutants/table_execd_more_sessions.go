package main

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// sessionMutants break how sessions are opened, closed and found.
func sessionMutants() []Mutant {
	noBody := openSession.WithRawBody(func(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 })
	asJSON := noBody.Where(func(r *http.Request) bool {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err == nil && media == "application/json"
	})
	plain := noBody.Where(func(r *http.Request) bool { return r.Header.Get("Content-Type") == "" })
	return slices.Concat(
		breaks("EX-SESSION-01",
			mutant.Status(openSession, 200, 201),
			mutant.ContentType(openSession, "text/plain; charset=utf-8"),
			mutant.DropField(openSession, "session_id"),
			mutant.SetField(openSession, "session_id", 7),
			mutant.SetField(openSession, "session_id", nil),
			mutant.JSONBody(openSession, "session_id is named id", func(b map[string]any) {
				b["id"] = b["session_id"]
				delete(b, "session_id")
			}),
			mutant.JSON(openSession, "in a list", func(v any) any { return []any{v} }),
		),
		breaks("EX-SESSION-02",
			mutant.Status(runInSession, 200, 201),
			mutant.Status(runInSession, 200, 202),
			mutant.ContentType(runInSession, "application/x-ndjson"),
			mutant.ContentType(runInSession, "text/plain; charset=utf-8"),
			mutant.DropHeader(runInSession, "Content-Type"),
			mutant.DropField(runInSession.On(400), "message"),
		),
		breaks("EX-SESSION-02", undocumented(runInSession, 404)...),
		breaks("EX-SESSION-03",
			mutant.Status(closeSession, 200, 202),
			mutant.Status(closeSession, 200, 204),
			bodyAdded(closeSession),
		),
		breaks("EX-SESSION-03", undocumented(closeSession, 404)...),
		breaks("EX-SESSION-08",
			mutant.Status(runInSession, 404, 400),
			mutant.Status(runInSession, 404, 500),
			insteadOf404(runInSession, failedStart()),
			mutant.Status(closeSession, 404, 400),
			mutant.Status(closeSession, 404, 500),
		),
		followed("EX-SESSION-08",
			unknownSession("closing an unknown one: 200", closeSession, 200),
			unknownSession("closing an unknown one: 204", closeSession, 204),
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(closeSession.Where(x.isOpen), 200, nil), closeSession, "it stays open")
			},
		),
		[]Mutant{opensUnknown("a run in an unknown session opens one")},
		breaks("EX-SESSION-11",
			renamed(mutant.Answer(plain, 400, refusal("the body is empty")), openSession, "no body: status 400"),
			renamed(mutant.Answer(plain, 415, refusal("send application/json")), openSession, "no body: status 415"),
			renamed(mutant.Answer(asJSON, 400, refusal("unexpected end of JSON")), openSession, "an empty body as JSON: status 400"),
			renamed(mutant.Answer(asJSON, 422, refusal("unexpected end of JSON")), openSession, "an empty body as JSON: status 422"),
			renamed(mutant.Answer(asJSON, 500, refusal("EOF")), openSession, "an empty body as JSON: status 500"),
			renamed(mutant.Answer(noBody, 200, map[string]any{"session_id": "none"}), openSession, "no body: an id, and no session"),
			renamed(mutant.Answer(asJSON, 200, map[string]any{"session_id": ""}), openSession, "an empty body as JSON: an empty id"),
		),
		breaks("EX-SESSION-14",
			sessionInit("an id of the run", func(id string) string { return "run-" + id }),
			sessionInit("a word", func(string) string { return "session" }),
			sessionInit("in small letters", strings.ToLower),
		),
		[]Mutant{{Requirement: "EX-SESSION-14", Wire: renamed(sessionInit("", func(id string) string { return id + "-2" }), runInSession.Skip(1), "the id and a number from the second run on")}},
	)
}

func sessionInit(what string, change func(string) string) mutant.Fault {
	return mutant.ChangeEvent(runInSession, "init", "the text of init: "+what, func(e map[string]any) { e["text"] = change(anyText(e["text"])) })
}

// unknownSession answers a status for sessions that are not open.
func unknownSession(what string, op mutant.Match, status int) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		m := op.Where(func(r *http.Request) bool { return !x.isOpen(r) })
		return renamed(mutant.Answer(m, status, nil), op, what)
	}
}

// insteadOf404 answers a stream where nothing was found.
func insteadOf404(m mutant.Match, stream []byte) mutant.Fault {
	return mutant.Fault{Name: m.String() + ": a stream that ends in an error in place of 404", Match: m, Response: func(res *http.Response, act func()) error {
		if res.StatusCode != http.StatusNotFound {
			return nil
		}
		res.StatusCode, res.Status = http.StatusOK, "200 OK"
		res.Header.Set("Content-Type", "text/event-stream")
		return mutant.Body(m, "", func([]byte) []byte { return stream }).Response(res, act)
	}}
}

// opensUnknown runs in a new session where the one that is asked for is not there.
func opensUnknown(what string) Mutant {
	x := newExecutions()
	return Mutant{Requirement: "EX-SESSION-08", Name: runInSession.String() + ": " + what, HTTP: func(next http.Handler, act func()) http.Handler {
		inner := x.watch(next, nil)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run") && !x.isOpen(r) {
				if id := x.newSession(); id != "" {
					act()
					r.URL.Path, r.URL.RawPath = "/session/"+id+"/run", ""
				}
			}
			inner.ServeHTTP(w, r)
		})
	}}
}

// newSession opens a session of which no client knows; empty if there is none.
func (x *executions) newSession() string {
	var opened map[string]any
	_ = json.Unmarshal(x.ask(http.MethodPost, "/session", nil).Body.Bytes(), &opened) // no id then
	return anyText(opened["session_id"])
}
