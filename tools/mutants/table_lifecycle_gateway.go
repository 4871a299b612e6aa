package main

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// gatewayMutants don't carry requests to services as they are.
func gatewayMutants() []Mutant {
	changes := func(name string, change func(path, query string) (string, string)) Mutant {
		return Mutant{Requirement: "LC-ENDPOINT-03", Name: name, HTTP: carries(change)}
	}
	paths := func(name string, change func(path string) string) Mutant {
		return changes(name, func(path, query string) (string, string) { return change(path), query })
	}
	queries := func(name string, change func(query string) string) Mutant {
		return changes(name, func(path, query string) (string, string) { return path, change(query) })
	}
	otherPorts := sandboxEndpoint.Where(func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/44772") })
	schemed := func(v any) any { return "http://" + stringOf(v) }
	pathless := func(v any) any {
		host, _, _ := strings.Cut(stringOf(v), "/")
		return host
	}
	return []Mutant{
		queries("the query is dropped", func(string) string { return "" }),
		queries("the query is parsed and written again", func(query string) string {
			values, _ := url.ParseQuery(strings.TrimPrefix(query, "?"))
			if len(values) == 0 {
				return query
			}
			return "?" + values.Encode()
		}),
		queries("what is encoded in the query is decoded", func(query string) string {
			return strings.NewReplacer("%2F", "/", "%2f", "/", "%3A", ":", "%3a", ":", "%2B", "+", "%2b", "+", "%7C", "|", "%7c", "|").Replace(query)
		}),
		paths("an encoded slash is decoded", func(path string) string {
			return strings.NewReplacer("%2F", "/", "%2f", "/").Replace(path)
		}),
		paths("the path is decoded and encoded again", func(path string) string {
			u, err := url.ParseRequestURI(path)
			if err != nil {
				return path
			}
			return (&url.URL{Path: u.Path}).EscapedPath()
		}),
		paths("two slashes become one", func(path string) string {
			for strings.Contains(path, "//") {
				path = strings.ReplaceAll(path, "//", "/")
			}
			return path
		}),
		paths("the path is cleaned", func(p string) string {
			if p == "" {
				return p
			}
			return path.Clean(p)
		}),
		paths("a slash at the end is dropped", func(path string) string {
			if len(path) > 1 {
				return strings.TrimSuffix(path, "/")
			}
			return path
		}),
		paths("the path is in lower case", strings.ToLower),
		{Requirement: "LC-ENDPOINT-03", Name: "only the daemon's port is reached", Setup: Setup{Quick: true}, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if route, ok := gateway.Match(r); ok && route.Port != sandbox.DaemonPort {
				act()
				refuse(w, http.StatusBadGateway, "PORT_UNREACHABLE", "nothing in the sandbox answers on this port")
				return
			}
			next.ServeHTTP(w, r)
		})},
		{Requirement: "LC-ENDPOINT-03", Setup: Setup{Quick: true}, Wire: mutant.ChangeField(otherPorts, "endpoint", "with a scheme", schemed)},
		{Requirement: "LC-ENDPOINT-03", Setup: Setup{Quick: true}, Wire: mutant.ChangeField(otherPorts, "endpoint", "without its path", pathless)},

		{Requirement: "LC-ENDPOINT-04", Name: "the endpoint lacks the header that execd asks for", Setup: Setup{Quick: true}, HTTP: asked(tokenKept)},
		{Requirement: "LC-ENDPOINT-04", Name: "behind the endpoint the API key is asked for", Setup: Setup{Quick: true}, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if onPort(r, sandbox.DaemonPort) && !hasKey(r) {
				act()
				refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "send the API key")
				return
			}
			next.ServeHTTP(w, r)
		})},
		{Requirement: "LC-ENDPOINT-04", Setup: Setup{Quick: true}, Wire: mutant.ChangeField(sandboxEndpoint, "endpoint", "with a scheme", schemed)},
		{Requirement: "LC-ENDPOINT-04", Setup: Setup{Quick: true}, Wire: mutant.ChangeField(sandboxEndpoint, "endpoint", "of another port", func(v any) any {
			return strings.Replace(v.(string), "/port/44772", "/port/44773", 1)
		})},
		{Requirement: "LC-ENDPOINT-04", Setup: Setup{Quick: true}, Wire: mutant.ChangeField(sandboxEndpoint, "endpoint", "at an address of the server's own network", func(v any) any {
			return regexp.MustCompile(`^[^/]+`).ReplaceAllString(v.(string), "127.0.0.1:1")
		})},
	}
}

// tokenKept answers endpoints without the daemon's token, and refuses what comes to the daemon without one.
func tokenKept(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/endpoints/44772"):
		rec := ask(next, r)
		if e := jsonObject(rec.Body.Bytes()); e["headers"] != nil {
			act()
			delete(e, "headers")
			tellObject(w, rec, e)
			return
		}
		tell(w, rec)
	case onPort(r, sandbox.DaemonPort) && r.Header.Get(sandbox.TokenHeader) == "":
		act()
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "send the token of the sandbox")
	default:
		next.ServeHTTP(w, r)
	}
}
