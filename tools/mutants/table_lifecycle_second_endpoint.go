package main

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// secondEndpointMutants are by a second author, who saw the sentences of the ledger and not the scenarios.
func secondEndpointMutants() []Mutant {
	carried := func(name string, change func(path, query string) (string, string)) Mutant {
		return Mutant{Requirement: "LC-ENDPOINT-03", Name: name, HTTP: carries(change)}
	}
	paths := func(name string, change func(string) string) Mutant {
		return carried(name, func(path, query string) (string, string) { return change(path), query })
	}
	queries := func(name string, change func(string) string) Mutant {
		return carried(name, func(path, query string) (string, string) { return path, change(query) })
	}
	escapes := regexp.MustCompile(`%[0-9a-fA-F]{2}`)
	return []Mutant{
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.DropField(sandboxEndpoint.Errors(), "message")},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.ContentType(sandboxEndpoint, "text/plain")},
		{Requirement: "LC-ENDPOINT-02", Name: "a Pending sandbox's endpoint of 18080 is 409", API: endpointUnless(conflict, func(sb *lifecycleapi.Sandbox, p endpointParams) bool {
			return in(sb, "Pending") && p.Port == 18080
		})},
		{Requirement: "LC-ENDPOINT-02", Name: "a Pending sandbox's endpoint of the daemon is 409", API: endpointUnless(conflict, func(sb *lifecycleapi.Sandbox, p endpointParams) bool {
			return in(sb, "Pending") && p.Port == 44772
		})},
		{Requirement: "LC-ENDPOINT-02", Name: "only the daemon's port of a Running sandbox", API: endpointUnless(refused, func(sb *lifecycleapi.Sandbox, p endpointParams) bool {
			return in(sb, "Running") && p.Port != 44772
		})},
		queries("a plus in the query becomes %20", func(q string) string { return strings.ReplaceAll(q, "+", "%20") }),
		queries("an empty query is dropped", func(q string) string {
			if q == "?" {
				return ""
			}
			return q
		}),
		queries("escapes of the query are in upper case", func(q string) string { return escapes.ReplaceAllStringFunc(q, strings.ToUpper) }),
		queries("the first parameter alone", func(q string) string { first, _, _ := strings.Cut(q, "&"); return first }),
		queries("the query ends at a second question mark", func(q string) string {
			if q == "" {
				return q
			}
			first, _, _ := strings.Cut(q[1:], "?")
			return "?" + first
		}),
		paths("escapes of the path are in upper case", func(p string) string { return escapes.ReplaceAllStringFunc(p, strings.ToUpper) }),
		paths("parameters behind a semicolon are dropped", func(p string) string { before, _, _ := strings.Cut(p, ";"); return before }),
		paths("index.html is put behind a slash", func(p string) string {
			if strings.HasSuffix(p, "/") {
				return p + "index.html"
			}
			return p
		}),
		paths("%20 in the path becomes a plus", func(p string) string { return strings.ReplaceAll(p, "%20", "+") }),
		{Requirement: "LC-ENDPOINT-05", Wire: mutant.Status(sandboxEndpoint, 404, 403)},
		{Requirement: "LC-ENDPOINT-05", Wire: mutant.Status(sandboxEndpoint, 404, 500)},
		{Requirement: "LC-ENDPOINT-05", Wire: mutant.Status(sandboxEndpoint, 404, 409)},
		takesPort("of six digits", regexp.MustCompile(`/endpoints/[0-9]{6,}$`)),
		takesPort("65536", regexp.MustCompile(`/endpoints/65536$`)),
		takesPort("below 0", regexp.MustCompile(`/endpoints/-[0-9]+$`)),
		{Requirement: "LC-ENDPOINT-06", Wire: mutant.Status(sandboxEndpoint, 400, 500)},
		{Requirement: "LC-ENDPOINT-07", Name: "use_server_proxy is a parameter that there isn't", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if hasKey(r) && strings.Contains(r.URL.Path, "/endpoints/") && r.URL.Query().Has("use_server_proxy") {
				act()
				refuse(w, http.StatusNotFound, "NOT_FOUND", "there is no parameter use_server_proxy; leave it out")
				return
			}
			next.ServeHTTP(w, r)
		})},
		{Requirement: "LC-ENDPOINT-07", Wire: renamed(mutant.Status(sandboxEndpoint.Where(func(r *http.Request) bool {
			return r.URL.Query().Get("use_server_proxy") == "true"
		}), 200, 501), sandboxEndpoint, "use_server_proxy=true: status 501")},
	}
}
