package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// lifecycleNegativeMutants are servers that take requests which are wrong in one way, or refuse them in a wrong way.
func lifecycleNegativeMutants() []Mutant {
	noObject := renewSandbox.WithRawBody(func(b []byte) bool { return json.Valid(b) && jsonObject(b) == nil })
	return slices.Concat(
		breaks("LC-NEG-01",
			mutant.RewriteRequestBody(renewSandbox, "text behind the JSON is ignored", firstValue),
			mutant.RewriteRequestBody(renewSandbox, "single quotes are read as JSON", func(b []byte) []byte {
				if !json.Valid(b) {
					return []byte(strings.ReplaceAll(string(b), "'", `"`))
				}
				return b
			}),
			renamed(mutant.Status(noObject, 400, 422), renewSandbox, "a body that is no object: status 422"),
			renamed(mutant.Status(noObject, 400, 500), renewSandbox, "a body that is no object: status 500"),
		),
		[]Mutant{{Requirement: "LC-NEG-01", Name: "a renewal that was refused for what is behind its JSON is carried out", HTTP: asked(
			func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
				if !strings.HasSuffix(r.URL.Path, "/renew-expiration") {
					next.ServeHTTP(w, r)
					return
				}
				body := bodyOf(r)
				rec := ask(next, withBody(r, body))
				if first := firstValue(body); rec.Code == http.StatusBadRequest && len(first) != len(body) && jsonObject(first) != nil &&
					ask(next, withBody(r, first)).Code == http.StatusOK {
					act()
				}
				tell(w, rec)
			})}},
		lifecycleParameterMutants(),
		furtherCreateMutants(),
		[]Mutant{
			{Requirement: "LC-NEG-04", Name: "creates fail after one that was no JSON", HTTP: confusedBy(isCreate)},
			{Requirement: "LC-NEG-04", Name: "renewals fail after one that was no JSON", HTTP: confusedBy(func(r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "/renew-expiration")
			})},
			{Requirement: "LC-RENEW-09", Name: "a nearer time is taken", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
				if nearer(now, until) {
					act()
					return until, nil
				}
				return next.renew(ctx, id, until)
			})},
			{Requirement: "LC-RENEW-09", Name: "a nearer time is a conflict", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
				if nearer(now, until) {
					act()
					return time.Time{}, conflict()
				}
				return next.renew(ctx, id, until)
			})},
		},
		breaks("LC-HTTP-01", mutant.DropHeader(mutant.Path("", regexp.MustCompile(`/pause$`)).On(405), "Allow")),
		breaks("LC-HTTP-02", mutant.Status(mutant.Path("", regexp.MustCompile(`/endpoints/[^/]+$`)), 405, 404)),
	)
}

func lifecycleParameterMutants() []Mutant {
	queried := func(name string, test func(string) bool) mutant.Match {
		return listSandboxes.Where(func(r *http.Request) bool { return r.URL.Query().Has(name) && test(r.URL.Query().Get(name)) })
	}
	is := func(want string) func(string) bool { return func(s string) bool { return s == want } }
	anyPort := mutant.Op("GET", "/sandboxes/{sandboxId}/endpoints/abc")
	return breaks("LC-NEG-02",
		renamed(mutant.DropQuery(queried("page", is("abc")), "page"), listSandboxes, "a page that is no number is ignored"),
		renamed(mutant.RewriteQuery(queried("pageSize", is("0")), "", func(q url.Values) { q.Set("pageSize", "20") }), listSandboxes, "a page size of 0 is the default"),
		renamed(mutant.Status(queried("page", is("-1")), 400, 500), listSandboxes, "a negative page: status 500"),
		renamed(mutant.EmptyBody(queried("pageSize", is("1.5")).On(400)), listSandboxes, "half a page size: no error body"),
		mutant.Answer(anyPort, 200, map[string]any{"endpoint": "localhost:8080/abc"}),
	)
}

func furtherCreateMutants() []Mutant {
	anyType := mutant.Fault{Name: createSandbox.String() + ": any content type is JSON", Match: createSandbox, Request: func(r *http.Request, act func()) error {
		if r.Header.Get("Content-Type") == "text/plain" {
			act()
			r.Header.Set("Content-Type", "application/json")
		}
		return nil
	}}
	return breaks("LC-NEG-03",
		anyType,
		mutant.RewriteRequestJSON(renewSandbox, "unknown fields are ignored", func(b map[string]any) { delete(b, "osc-unknown") }),
		mutant.RewriteRequestJSON(createSandbox, "an empty image is the server's own", func(req map[string]any) {
			if image := member(req, "image"); image != nil && image["uri"] == "" {
				image["uri"] = "opensandbox/debian:local"
			}
		}),
		renamed(mutant.Status(renewSandbox.WithBody(func(b map[string]any) bool { return b["osc-unknown"] != nil }), 400, 500), renewSandbox, "an unknown field: status 500"),
	)
}

// confusedBy fails for all good requests of a kind once one has come that is no JSON.
func confusedBy(kind func(*http.Request) bool) decorateHTTP {
	return func(next http.Handler, act func()) http.Handler {
		var hurt atomic.Bool
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !kind(r) || !hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			switch whole := json.Valid(body); {
			case !whole:
				hurt.Store(true)
			case hurt.Load():
				act()
				refuse(w, http.StatusInternalServerError, "INTERNAL", "something failed in the server")
				return
			}
			next.ServeHTTP(w, withBody(r, body))
		})
	}
}
