package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

const tokenHeader = "X-EXECD-ACCESS-TOKEN"

func authMutants() []Mutant {
	open := func(m mutant.Match, what string) mutant.Fault {
		return renamed(mutant.SetRequestHeader(m, tokenHeader, token), m, what)
	}
	given := func(is bool) mutant.Match {
		return mutant.Any().Where(func(r *http.Request) bool { return (r.Header.Get(tokenHeader) != "") == is })
	}
	refused := mutant.Any().On(http.StatusUnauthorized)
	return slices.Concat(
		breaks("EX-PING-01",
			mutant.Status(pingExecd, 200, 204),
			mutant.Answer(pingExecd, 200, map[string]any{"status": "ok"}),
		),
		breaks("EX-AUTH-01",
			open(given(true), "any token is taken"),
			open(given(false), "no token is taken"),
			open(pingExecd, "the token is not checked"),
			open(runCommand, "the token is not checked"),
			open(uploadFile, "the token is not checked"),
			open(getFile, "the token is not checked"),
			open(fileInfo, "the token is not checked"),
			mutant.Status(mutant.Any(), 401, 403),
		),
		breaks("EX-AUTH-02",
			mutant.EmptyBody(refused),
			mutant.DropField(refused, "message"),
			mutant.DropField(refused, "code"),
			asText(refused, "Unauthorized"),
		),
		[]Mutant{
			{Requirement: "EX-AUTH-02", Name: "the body is judged before the token", HTTP: bodyBeforeToken},
			{Requirement: "EX-AUTH-01", Name: "parameters and paths are judged before the token", HTTP: pathBeforeToken},
			{Requirement: "EX-AUTH-02", Name: "the whole body is read before the token", HTTP: wholeBodyBeforeToken},
			// Nothing tells it from a daemon without a token.
			{Requirement: "EX-AUTH-03", Wire: open(mutant.Any(), "the token is not checked")},
			{Requirement: "EX-AUTH-03", Name: "the daemon has no token", Setup: Setup{NoToken: true}, HTTP: func(next http.Handler, act func()) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					act()
					next.ServeHTTP(w, r)
				})
			}},
		},
	)
}

// bodyBeforeToken refuses a body that is no JSON before the token is looked at.
func bodyBeforeToken(next http.Handler, act func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(tokenHeader) != token && r.Method == http.MethodPost && r.URL.Path == "/command" {
			body := takeBody(r)
			var request struct{ Command *string }
			if json.Unmarshal(body, &request) != nil || request.Command == nil {
				act()
				decline(w, http.StatusBadRequest, "the body is not right")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// pathBeforeToken tells anyone which files there are.
func pathBeforeToken(next http.Handler, act func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(tokenHeader) != token && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/files/") {
			trusted := r.Clone(r.Context())
			trusted.Header.Set(tokenHeader, token)
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, trusted)
			if rec.Code == http.StatusBadRequest || rec.Code == http.StatusNotFound {
				act()
				decline(w, rec.Code, "this is not right")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// wholeBodyBeforeToken takes everything in that a stranger sends.
func wholeBodyBeforeToken(next http.Handler, act func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(tokenHeader) != token {
			if n, _ := io.Copy(io.Discard, r.Body); n > 0 { // what broke off is refused too
				act()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// takeBody reads the body of a request and puts it back.
func takeBody(r *http.Request) []byte {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), brokenReader{err}))
		return body
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// brokenReader is the end of a body that broke off.
type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

// decline answers as the daemon would.
func decline(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal(message)) // to a client that may be gone
}

// knownPath tells the paths of the document from others.
var knownPath = regexp.MustCompile(`^/(ping|code|code/contexts?|code/contexts/[^/]+|command|command/(status|output)/[^/]+|command/[^/]+/logs` +
	`|session|session/[^/]+(/run)?|files|files/(info|permissions|mv|search|replace|upload|download)|directories(/list)?|metrics(/watch)?)$`)

func httpMutants() []Mutant {
	known := mutant.Any().Where(func(r *http.Request) bool { return knownPath.MatchString(r.URL.Path) })
	unknown := mutant.Any().Where(func(r *http.Request) bool { return !knownPath.MatchString(r.URL.Path) })
	of := func(f mutant.Fault, what string) mutant.Fault { return renamed(f, f.Match, what) }
	return slices.Concat(
		breaks("EX-DOC-01",
			mutant.DropHeader(runCommand, "Cache-Control"),
			mutant.SetHeader(runCommand, "Cache-Control", "max-age=60"),
			mutant.DropHeader(runCommand, "X-Accel-Buffering"),
			mutant.SetHeader(runCommand, "X-Accel-Buffering", "yes"),
			mutant.DropHeader(getFile, "Content-Disposition"),
			mutant.Chunked(getFile.On(200)),
			mutant.SetField(getFile.On(404), "code", "not_found"),
			mutant.SetField(runCommand.On(400), "code", "Bad Request"),
			mutant.DropHeader(getFile.On(416), "Content-Range"),
			mutant.SetHeader(getFile.On(416), "Content-Range", "bytes 0-0/1"),
		),
		breaks("EX-HTTP-01",
			mutant.DropHeader(mutant.Any().On(405), "Allow"),
			mutant.SetHeader(mutant.Any().On(405), "Allow", "POST"),
		),
		breaks("EX-HTTP-02",
			of(mutant.Status(unknown, 404, 400), "unknown path: status 400"),
			of(mutant.Status(unknown, 404, 500), "unknown path: status 500"),
			of(mutant.Answer(unknown, 200, nil), "unknown path: 200"),
			of(asText(unknown.On(404), "404 page not found"), "unknown path: plain text"),
			of(mutant.EmptyBody(unknown.On(404)), "unknown path: no body"),
			of(mutant.Status(known, 405, 404), "other method: status 404"),
			of(mutant.Status(known, 405, 400), "other method: status 400"),
			of(asText(known.On(405), "Method Not Allowed"), "other method: plain text"),
			of(mutant.EmptyBody(known.On(405)), "other method: no body"),
			of(mutant.DropField(known.On(405), "code"), "other method: no code"),
		),
		breaks("EX-HTTP-03", mutant.Chunked(pingExecd), mutant.Chunked(uploadFile)),
	)
}
