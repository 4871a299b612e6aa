package main

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
)

// keyMutants don't check the API key as they should.
func keyMutants() []Mutant {
	lets := func(name string, test func(r *http.Request) bool) Mutant {
		return Mutant{Requirement: "LC-AUTH-01", Name: name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if ofAPI(r) && !hasKey(r) && test(r) {
				act()
				r = withKey(r)
			}
			next.ServeHTTP(w, r)
		})}
	}
	early := func(name string, test func(r *http.Request, body []byte) bool) Mutant {
		return Mutant{Requirement: "LC-AUTH-02", Name: name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if !ofAPI(r) || hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			if r = withBody(r, body); test(r, body) {
				act()
				r = withKey(r)
			}
			next.ServeHTTP(w, r)
		})}
	}
	mutants := []Mutant{
		lets("a wrong key is taken", func(r *http.Request) bool { return r.Header.Get(reference.KeyHeader) != "" }),
		lets("no key is taken", func(r *http.Request) bool { return len(r.Header.Values(reference.KeyHeader)) == 0 }),
		lets("looking needs no key", func(r *http.Request) bool { return r.Method == http.MethodGet }),
		{Requirement: "LC-AUTH-01", Wire: mutant.Status(mutant.Any().On(401), 401, 403)},
		{Requirement: "LC-AUTH-01", Name: "what is unknown is 404 for anyone", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if ofAPI(r) && !hasKey(r) && r.Method == http.MethodGet {
				if rec := ask(next, withKey(r)); rec.Code == http.StatusNotFound {
					act()
					tell(w, rec)
					return
				}
			}
			next.ServeHTTP(w, r)
		})},
		{Requirement: "LC-AUTH-01", Name: "deleting what is unknown is 404 for anyone", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if ofAPI(r) && !hasKey(r) && r.Method == http.MethodDelete {
				look := withKey(r)
				look.Method = http.MethodGet
				if rec := ask(next, look); rec.Code == http.StatusNotFound {
					act()
					tell(w, rec)
					return
				}
			}
			next.ServeHTTP(w, r)
		})},

		early("the body of create is looked at first", func(r *http.Request, body []byte) bool {
			return isCreate(r) && (!json.Valid(body) || jsonObject(body)["image"] == nil)
		}),
		early("the query of list is looked at first", func(r *http.Request, _ []byte) bool {
			return r.Method == http.MethodGet && r.URL.Path == "/v1/sandboxes" && (r.URL.Query().Get("page") == "0" || r.URL.Query().Get("pageSize") == "abc")
		}),
		early("the body of a renewal is looked at first", func(r *http.Request, body []byte) bool {
			return strings.HasSuffix(r.URL.Path, "/renew-expiration") && !timeIn(jsonObject(body))
		}),
		early("the method is looked at first", func(r *http.Request, _ []byte) bool {
			return lifecyclePath(r) && r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodDelete && r.Method != http.MethodPatch
		}),
	}
	for _, op := range []mutant.Match{
		createSandbox, listSandboxes, getSandbox, deleteSandbox, pauseSandbox, resumeSandbox, renewSandbox, sandboxEndpoint,
	} {
		mutants = append(mutants, Mutant{Requirement: "LC-AUTH-01", Wire: mutant.SetRequestHeader(op, reference.KeyHeader, apiKey)})
	}
	return mutants
}

// ofAPI says that a request is for the API, and not for a service in a sandbox.
func ofAPI(r *http.Request) bool {
	_, carried := gateway.Match(r)
	return !carried && strings.HasPrefix(r.URL.Path, "/v1/")
}

// lifecycleHTTPMutants break what holds for every operation.
func lifecycleHTTPMutants() []Mutant {
	plain := []byte("404 page not found\n")
	nowhere := func(name string, change func(w http.ResponseWriter)) Mutant {
		return Mutant{Requirement: "LC-HTTP-02", Name: name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if ofAPI(r) && hasKey(r) && !lifecyclePath(r) {
				act()
				change(w)
				return
			}
			next.ServeHTTP(w, r)
		})}
	}
	every := mutant.Any()
	return []Mutant{
		{Requirement: "LC-HTTP-01", Wire: mutant.DropHeader(every.On(405), "Allow")},
		{Requirement: "LC-HTTP-01", Wire: mutant.SetHeader(every.On(405), "Allow", "POST")},
		{Requirement: "LC-HTTP-01", Wire: mutant.SetHeader(every.On(405), "Allow", "GET, HEAD, OPTIONS")},
		nowhere("an unknown path is answered in plain text", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write(plain)
		}),
		nowhere("an unknown path shows a start page", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Sandboxes</title>"))
		}),
		nowhere("an unknown path is 400", func(w http.ResponseWriter) {
			refuse(w, http.StatusBadRequest, "INVALID_PATH", "there is no such path")
		}),
		{Requirement: "LC-HTTP-02", Wire: mutant.Status(every.On(405), 405, 404)},
		{Requirement: "LC-HTTP-02", Wire: mutant.EmptyBody(every.On(405))},
		{Requirement: "LC-HTTP-02", Wire: mutant.JSON(every.On(405), "another form of error", func(any) any { return map[string]any{"detail": "Method Not Allowed"} })},

		{Requirement: "LC-DOC-01", Wire: mutant.DropHeader(every.Always(), "X-Request-ID")},
		{Requirement: "LC-DOC-01", Wire: renamed(mutant.DropHeader(every.Errors(), "X-Request-ID"), every, "errors without the header X-Request-ID")},
		{Requirement: "LC-DOC-01", Wire: mutant.DropHeader(deleteSandbox, "X-Request-ID")},
		{Requirement: "LC-DOC-01", Wire: renamed(mutant.SetHeader(every.Always(), "X-Request-ID", strings.ReplaceAll(uuid.NewString(), "-", "")), every, "X-Request-ID is a uuid without hyphens")},
		{Requirement: "LC-DOC-01", Wire: mutant.DropHeader(createSandbox, "Location")},
		{Requirement: "LC-DOC-01", Wire: mutant.ChangeField(every.Errors(), "code", "in lower case", func(v any) any { return strings.ToLower(stringOf(v)) })},
	}
}
