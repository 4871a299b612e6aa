package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// patches picks the patches of whose object test is true.
func patches(test func(map[string]any) bool) mutant.Match { return patchSandbox.WithBody(test) }

// patching changes a patch on its way to the server. The metadata that the sandbox has now is told.
func patching(requirement, name string, change func(patch, now map[string]any) map[string]any) Mutant {
	return Mutant{Requirement: requirement, Name: "PATCH metadata: " + name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if r.Method != http.MethodPatch || !hasKey(r) {
			next.ServeHTTP(w, r)
			return
		}
		body := bodyOf(r)
		patch := jsonObject(body)
		get := r.Clone(r.Context())
		get.Method, get.Body = http.MethodGet, http.NoBody
		get.URL.Path = strings.TrimSuffix(r.URL.Path, "/metadata")
		now := member(jsonObject(ask(next, get).Body.Bytes()), "metadata")
		if patch != nil && now != nil {
			if changed := change(maps.Clone(patch), now); changed != nil {
				act()
				body, _ = json.Marshal(changed) // it came from JSON
			}
		}
		next.ServeHTTP(w, withBody(r, body))
	})}
}

// leavingOut leaves out the keys of which drop is true; nil where there are none.
func leavingOut(patch map[string]any, drop func(key string, value any) bool) map[string]any {
	before := len(patch)
	maps.DeleteFunc(patch, drop)
	if len(patch) == before {
		return nil
	}
	return patch
}

var label = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// noLabel says that a pair is no Kubernetes label, or the server's own.
func noLabel(key string, value any) bool {
	text, isText := value.(string)
	_, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		name = key
	}
	return strings.HasPrefix(key, "opensandbox.io/") || !label.MatchString(name) || isText && text != "" && !label.MatchString(text)
}

// patchMutants change metadata otherwise than they are told.
func patchMutants() []Mutant {
	anyNoLabel := func(b map[string]any) bool {
		for key, value := range b {
			if noLabel(key, value) {
				return true
			}
		}
		return false
	}
	wrongType := func(b map[string]any) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(b)), func(v any) bool {
			_, text := v.(string)
			return !text && v != nil
		})
	}
	m := slices.Concat(
		breaks("LC-PATCH-01",
			mutant.Status(patchSandbox, 200, 202),
			mutant.DropField(patchSandbox, "status"),
			mutant.DropField(patchSandbox, "entrypoint"),
			mutant.EmptyBody(patchSandbox),
			mutant.ContentType(patchSandbox, "application/merge-patch+json"),
			mutant.DropField(patchSandbox.Errors(), "code"),
		),
		breaks("LC-PATCH-03",
			mutant.RewriteRequestJSON(patchSandbox, "null is ignored", func(b map[string]any) {
				maps.DeleteFunc(b, func(_ string, v any) bool { return v == nil })
			}),
			mutant.RewriteRequestJSON(patchSandbox, "null sets an empty text", func(b map[string]any) {
				for key, value := range b {
					if value == nil {
						b[key] = ""
					}
				}
			}),
		),
		breaks("LC-PATCH-05",
			mutant.JSONBody(patchSandbox, "answers the metadata alone", func(sb map[string]any) {
				maps.DeleteFunc(sb, func(name string, _ any) bool { return name != "metadata" && name != "id" })
			}),
			mutant.SetField(patchSandbox, "createdAt", "2026-01-01T00:00:00Z"),
			mutant.SetField(patchSandbox, "status.state", "Pending"),
			mutant.DropField(patchSandbox, "expiresAt"),
		),
		breaks("LC-PATCH-06",
			mutant.Status(patches(anyNoLabel), 400, 422),
			mutant.Status(patches(anyNoLabel), 400, 500),
		),
		breaks("LC-PATCH-07",
			mutant.Status(patches(wrongType), 400, 422),
			mutant.Status(patchSandbox.WithRawBody(func(b []byte) bool { return !json.Valid(b) }), 400, 500),
			mutant.RewriteRequestBody(patchSandbox, "takes the first of a list", func(b []byte) []byte {
				var list []json.RawMessage
				if json.Unmarshal(b, &list) == nil && len(list) > 0 {
					return list[0]
				}
				return b
			}),
			mutant.RewriteRequestJSON(patchSandbox, "numbers become texts", func(b map[string]any) {
				for key, value := range b {
					if n, ok := value.(json.Number); ok {
						b[key] = n.String()
					}
				}
			}),
			mutant.RewriteRequestBody(patchSandbox, "text behind the object is ignored", func(b []byte) []byte {
				if i := strings.LastIndexByte(string(b), '}'); i >= 0 && i+1 < len(b) && !json.Valid(b) {
					return b[:i+1]
				}
				return b
			}),
		),
		breaks("LC-PATCH-08",
			mutant.Status(patchSandbox, 404, 400),
			mutant.Status(patchSandbox, 404, 409),
		),
	)
	return append(m,
		patching("LC-PATCH-02", "a key that is there keeps its value", func(patch, now map[string]any) map[string]any {
			return leavingOut(patch, func(key string, value any) bool { return value != nil && now[key] != nil })
		}),
		patching("LC-PATCH-02", "only keys that are there are set", func(patch, now map[string]any) map[string]any {
			return leavingOut(patch, func(key string, value any) bool { return value != nil && now[key] == nil })
		}),
		patching("LC-PATCH-02", "values are set in upper case", func(patch, _ map[string]any) map[string]any {
			changed := false
			for key, value := range patch {
				if text, ok := value.(string); ok && strings.ToUpper(text) != text {
					patch[key], changed = strings.ToUpper(text), true
				}
			}
			if !changed {
				return nil
			}
			return patch
		}),
		Mutant{Requirement: "LC-PATCH-02", Name: "PATCH metadata: the change is in the answer alone", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			body := []byte(nil)
			if r.Method == http.MethodPatch {
				body = bodyOf(r)
			}
			patch := jsonObject(body)
			if len(patch) == 0 || anyNoLabel(patch) || wrongType(patch) {
				if body != nil {
					r = withBody(r, body)
				}
				next.ServeHTTP(w, r)
				return
			}
			rec := ask(next, withBody(r, []byte("{}")))
			answer := jsonObject(rec.Body.Bytes())
			if metadata := member(answer, "metadata"); metadata != nil {
				act()
				for key, value := range patch {
					if value == nil {
						delete(metadata, key)
					} else {
						metadata[key] = value
					}
				}
			}
			tellObject(w, rec, answer)
		})},
		patching("LC-PATCH-04", "what is not named goes", func(patch, now map[string]any) map[string]any {
			changed := false
			for key := range now {
				if _, named := patch[key]; !named && len(patch) > 0 && key != "osc-run" {
					patch[key], changed = nil, true
				}
			}
			if !changed {
				return nil
			}
			return patch
		}),
		patching("LC-PATCH-04", "{} removes all", func(patch, now map[string]any) map[string]any {
			if len(patch) > 0 {
				return nil
			}
			for key := range now {
				if key != "osc-run" {
					patch[key] = nil
				}
			}
			return patch
		}),
		patching("LC-PATCH-06", "what is no label is left out", func(patch, _ map[string]any) map[string]any {
			return leavingOut(patch, noLabel)
		}),
		patching("LC-PATCH-06", "the server's own prefix is dropped", func(patch, _ map[string]any) map[string]any {
			changed := false
			for key, value := range patch {
				if name, ok := strings.CutPrefix(key, "opensandbox.io/"); ok {
					delete(patch, key)
					patch[name], changed = value, true
				}
			}
			if !changed {
				return nil
			}
			return patch
		}),
		Mutant{Requirement: "LC-PATCH-06", Name: "PATCH metadata: refused, and the good half is set", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			rec := ask(next, withBody(r, body))
			if patch := jsonObject(body); rec.Code == http.StatusBadRequest && patch != nil && !wrongType(patch) {
				maps.DeleteFunc(patch, noLabel)
				if rest, _ := json.Marshal(patch); len(patch) > 0 && ask(next, withBody(r, rest)).Code == http.StatusOK {
					act()
				}
			}
			tell(w, rec)
		})},
	)
}
