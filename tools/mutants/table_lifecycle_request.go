package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// requestMutants take create requests that they should refuse, or the other way round.
func requestMutants() []Mutant {
	takes := func(what string, change func(map[string]any)) Mutant {
		return Mutant{Requirement: "LC-CREATE-08", Wire: mutant.RewriteRequestJSON(createSandbox, what, change)}
	}
	missing := func(name string, value any) Mutant {
		return takes("has a default for "+name, func(req map[string]any) {
			if _, ok := req[name]; !ok {
				req[name] = value
			}
		})
	}
	return []Mutant{
		missing("image", map[string]any{"uri": "opensandbox/debian:local"}),
		missing("resourceLimits", map[string]any{}),
		missing("entrypoint", []any{"tail", "-f", "/dev/null"}),
		takes("has a default for image.uri", func(req map[string]any) {
			if image := member(req, "image"); image != nil && image["uri"] == nil {
				image["uri"] = "opensandbox/debian:local"
			}
		}),
		takes("has a default for an empty entrypoint", func(req map[string]any) {
			if entry, ok := req["entrypoint"].([]any); ok && len(entry) == 0 {
				req["entrypoint"] = []any{"tail", "-f", "/dev/null"}
			}
		}),
		takes("takes an entrypoint that is a string", func(req map[string]any) {
			if entry, ok := req["entrypoint"].(string); ok {
				req["entrypoint"] = []any{"sh", "-c", entry}
			}
		}),
		takes("takes a timeout that is a string", func(req map[string]any) {
			if seconds, err := strconv.Atoi(stringOf(req["timeout"])); err == nil {
				req["timeout"] = seconds
			}
		}),
		takes("raises a timeout that is too short", func(req map[string]any) {
			if n, ok := req["timeout"].(json.Number); ok {
				if seconds, err := n.Int64(); err == nil && seconds < 60 {
					req["timeout"] = 60
				}
			}
		}),
		{Requirement: "LC-CREATE-08", Name: "what is no JSON is answered 500", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if !isCreate(r) || !hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			if !json.Valid(body) {
				act()
				refuse(w, http.StatusInternalServerError, "INTERNAL", "something failed in the server")
				return
			}
			next.ServeHTTP(w, withBody(r, body))
		})},
		{Requirement: "LC-CREATE-08", Wire: mutant.Status(createSandbox, 400, 422)},
		{Requirement: "LC-CREATE-08", Name: "a request that was refused is carried out, with defaults", HTTP: asked(carriedOut)},
		{Requirement: "LC-CREATE-11", Name: "extensions with unknown keys are refused", API: replaced(func(c *calls, next calls, act func()) {
			c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
				if len(req.Extensions.Value) > 0 {
					act()
					return nil, refused()
				}
				return next.create(ctx, req)
			}
		})},
		{Requirement: "LC-CREATE-13", Name: "unknown fields are refused", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if !isCreate(r) || !hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			for name := range jsonObject(body) {
				if !createFields[name] {
					act()
					refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "there is no field "+name+"; leave it out")
					return
				}
			}
			next.ServeHTTP(w, withBody(r, body))
		})},
		{Requirement: "LC-CREATE-14", Wire: mutant.RewriteRequestJSON(createSandbox, "ignores unknown fields of image", func(req map[string]any) {
			maps.DeleteFunc(member(req, "image"), func(name string, _ any) bool { return name != "uri" && name != "auth" })
		})},
		{Requirement: "LC-CREATE-14", Wire: mutant.RewriteRequestJSON(createSandbox, "ignores unknown fields of image.auth", func(req map[string]any) {
			maps.DeleteFunc(member(member(req, "image"), "auth"), func(name string, _ any) bool { return name != "username" && name != "password" })
		})},
		{Requirement: "LC-CREATE-15", Wire: mutant.RewriteRequestJSON(createSandbox, "has a default for timeout", func(req map[string]any) {
			if _, ok := req["timeout"]; !ok {
				req["timeout"] = 600
			}
		})},
		{Requirement: "LC-CREATE-15", Wire: mutant.RewriteRequestJSON(createSandbox, "has a default for a timeout that is null", func(req map[string]any) {
			if timeout, ok := req["timeout"]; ok && timeout == nil {
				req["timeout"] = 600
			}
		})},
	}
}

var createFields = map[string]bool{
	"image": true, "timeout": true, "resourceLimits": true, "entrypoint": true, "env": true, "metadata": true, "extensions": true,
}

// stringOf is a string of a JSON object, empty if it is something else.
func stringOf(v any) string {
	s, _ := v.(string)
	return s
}

// carriedOut answers 400 as it should, and makes a sandbox of what can be read of the request all the same.
func carriedOut(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
	if !isCreate(r) {
		next.ServeHTTP(w, r)
		return
	}
	body := bodyOf(r)
	rec := ask(next, withBody(r, body))
	req := jsonObject(body)
	if rec.Code == http.StatusBadRequest && req != nil {
		mended := map[string]any{
			"image": map[string]any{"uri": "opensandbox/debian:local"}, "timeout": 60, "resourceLimits": map[string]any{},
			"entrypoint": []any{"tail", "-f", "/dev/null"},
		}
		if metadata := member(req, "metadata"); metadata != nil {
			mended["metadata"] = metadata
		}
		again, err := json.Marshal(mended)
		if err == nil && ask(next, withBody(r, again)).Code == http.StatusAccepted {
			act()
		}
	}
	tell(w, rec)
}

var quantity = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|[kKMGT]i?)?$`)

// limitMutants don't keep the limits of a sandbox, or take any.
func limitMutants() []Mutant {
	ignores := func(what string, test func(value string) bool) Mutant {
		return Mutant{Requirement: "LC-LIMIT-02", Wire: mutant.RewriteRequestJSON(createSandbox, what, func(req map[string]any) {
			maps.DeleteFunc(member(req, "resourceLimits"), func(name string, value any) bool {
				return (name == "cpu" || name == "memory") && test(stringOf(value))
			})
		})}
	}
	return []Mutant{
		{Requirement: "LC-LIMIT-01", Name: "the memory limit is dropped", Runtime: provisions(func(spec *runtime.Spec) bool {
			set := spec.Limits.MemoryBytes > 0
			spec.Limits.MemoryBytes = 0
			return set
		})},
		{Requirement: "LC-LIMIT-01", Name: "the memory limit is the server's own, 2 GiB", Runtime: provisions(func(spec *runtime.Spec) bool {
			const own = 2 << 30
			other := spec.Limits.MemoryBytes != own
			spec.Limits.MemoryBytes = own
			return other
		})},
		ignores("ignores limits that can't be parsed", func(v string) bool {
			return v != "" && !strings.HasPrefix(v, "-") && !quantity.MatchString(v)
		}),
		ignores("takes 0 for no limit", func(v string) bool { return quantity.MatchString(v) && strings.Trim(v, "0.mkKMGTi") == "" }),
		ignores("takes less than 0 for no limit", func(v string) bool { return strings.HasPrefix(v, "-") }),
	}
}
