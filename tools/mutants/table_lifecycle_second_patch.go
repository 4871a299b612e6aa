package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// patchSetting changes the texts that a patch sets.
func patchSetting(requirement, name string, change func(key, text string) (string, string)) Mutant {
	return patching(requirement, name, func(patch, _ map[string]any) map[string]any {
		changed := maps.Clone(patch)
		for key, value := range patch {
			if text, ok := value.(string); ok {
				delete(changed, key)
				other, otherText := change(key, text)
				changed[other] = otherText
			}
		}
		if maps.Equal(changed, patch) {
			return nil
		}
		return changed
	})
}

// patchesAnswered changes the answers of patches; before is the sandbox as it was.
func patchesAnswered(requirement, name string, change func(answer, before map[string]any) bool) Mutant {
	return Mutant{Requirement: requirement, Name: "PATCH metadata: " + name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if r.Method != http.MethodPatch || !hasKey(r) {
			next.ServeHTTP(w, r)
			return
		}
		get := r.Clone(r.Context())
		get.Method, get.Body = http.MethodGet, http.NoBody
		get.URL.Path = strings.TrimSuffix(r.URL.Path, "/metadata")
		body := bodyOf(r)
		before := jsonObject(ask(next, get).Body.Bytes())
		rec := ask(next, withBody(r, body))
		answer := jsonObject(rec.Body.Bytes())
		if rec.Code == http.StatusOK && answer != nil && before != nil && change(answer, before) {
			act()
			tellObject(w, rec, answer)
			return
		}
		tell(w, rec)
	})}
}

// furtherPatchMutants are by a second author, who saw the sentences of the ledger and not the scenarios.
func furtherPatchMutants() []Mutant {
	hasNull := func(patch map[string]any) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(patch)), func(v any) bool { return v == nil })
	}
	noObject := func(b []byte) bool { return json.Valid(b) && jsonObject(b) == nil }
	empty := patchSandbox.WithRawBody(func(b []byte) bool { return len(b) == 0 })
	cut := func(text string) string { return text[:min(len(text), 63)] }
	return slices.Concat(
		breaks("LC-PATCH-01",
			mutant.SetField(patchSandbox, "metadata", []any{}),
			mutant.SetField(patchSandbox, "createdAt", "yesterday"),
			mutant.DropField(patchSandbox, "id"),
			mutant.DropField(patchSandbox.Errors(), "message"),
			mutant.ContentType(patchSandbox.Errors(), "text/plain"),
		),
		[]Mutant{
			patchSetting("LC-PATCH-02", "values are cut at 20 characters", func(key, text string) (string, string) { return key, text[:min(len(text), 20)] }),
			patchSetting("LC-PATCH-02", "the prefix of a key is dropped", func(key, text string) (string, string) {
				if prefix, name, ok := strings.Cut(key, "/"); ok && prefix != "opensandbox.io" {
					return name, text
				}
				return key, text
			}),
			patchSetting("LC-PATCH-02", "keys are in lower case", func(key, text string) (string, string) { return strings.ToLower(key), text }),
			patching("LC-PATCH-02", "an empty text removes the key", func(patch, _ map[string]any) map[string]any {
				changed := false
				for key, value := range patch {
					if value == "" {
						patch[key], changed = nil, true
					}
				}
				if !changed {
					return nil
				}
				return patch
			}),
			patching("LC-PATCH-02", "one key of several is set", func(patch, _ map[string]any) map[string]any {
				keys := slices.Sorted(maps.Keys(patch))
				return leavingOut(patch, func(key string, value any) bool { return value != nil && key != keys[0] })
			}),
			patching("LC-PATCH-03", "null beside what is set is ignored", func(patch, _ map[string]any) map[string]any {
				all := len(patch)
				return leavingOut(patch, func(_ string, value any) bool { return value == nil && all > 1 })
			}),
			patching("LC-PATCH-03", "null sets the text null", func(patch, _ map[string]any) map[string]any {
				changed := hasNull(patch)
				for key, value := range patch {
					if value == nil {
						patch[key] = "null"
					}
				}
				if !changed {
					return nil
				}
				return patch
			}),
			patching("LC-PATCH-03", "one null of several counts", func(patch, _ map[string]any) map[string]any {
				var nulls []string
				for key, value := range patch {
					if value == nil {
						nulls = append(nulls, key)
					}
				}
				slices.Sort(nulls)
				return leavingOut(patch, func(key string, value any) bool { return value == nil && key != nulls[0] })
			}),
			patching("LC-PATCH-04", "a null removes what is not named, too", func(patch, now map[string]any) map[string]any {
				changed := false
				for key := range now {
					if _, named := patch[key]; !named && hasNull(patch) && key != "osc-run" {
						patch[key], changed = nil, true
					}
				}
				if !changed {
					return nil
				}
				return patch
			}),
			{Requirement: "LC-PATCH-04", Name: "PATCH metadata: {} is refused", HTTP: refusesPatch(func(body []byte) bool {
				patch := jsonObject(body)
				return patch != nil && len(patch) == 0
			})},
			patchesAnswered("LC-PATCH-05", "answers the sandbox as it was", func(answer, before map[string]any) bool {
				was, is := mustJSON(before["metadata"]), mustJSON(answer["metadata"])
				answer["metadata"] = before["metadata"]
				return string(was) != string(is)
			}),
			patchesAnswered("LC-PATCH-05", "answers what changed alone", func(answer, before map[string]any) bool {
				was := member(before, "metadata")
				unchanged := func(key string, value any) bool { return was[key] == value }
				return leavingOut(member(answer, "metadata"), unchanged) != nil
			}),
			restartsOnPatch(),
			patchSetting("LC-PATCH-06", "long texts are cut", func(key, text string) (string, string) { return key, cut(text) }),
			patchSetting("LC-PATCH-06", "what no label has at its ends is dropped", func(key, text string) (string, string) {
				return strings.Trim(key, " ._-"), strings.Trim(text, " ._-")
			}),
			patchSetting("LC-PATCH-06", "other characters become hyphens", func(key, text string) (string, string) {
				prefix, name, ok := strings.Cut(key, "/")
				if !ok {
					return strings.Trim(hyphens(key), "-"), hyphens(text)
				}
				return prefix + "/" + hyphens(name), hyphens(text)
			}),
			patching("LC-PATCH-06", "null of the server's own keys is ignored", func(patch, _ map[string]any) map[string]any {
				return leavingOut(patch, func(key string, value any) bool { return value == nil && strings.HasPrefix(key, "opensandbox.io/") })
			}),
		},
		breaks("LC-PATCH-07",
			mutant.RewriteRequestBody(patchSandbox, "what is no object changes nothing", func(b []byte) []byte {
				if noObject(b) {
					return []byte("{}")
				}
				return b
			}),
			mutant.RewriteRequestBody(patchSandbox, "no body is {}", func(b []byte) []byte {
				if len(b) == 0 {
					return []byte("{}")
				}
				return b
			}),
			renamed(mutant.Status(empty, 400, 411), patchSandbox, "no body: status 411"),
			renamed(mutant.Status(patchSandbox.WithRawBody(noObject), 400, 500), patchSandbox, "no object: status 500"),
			mutant.RewriteRequestJSON(patchSandbox, "true and false become texts", func(b map[string]any) {
				for key, value := range b {
					if yes, ok := value.(bool); ok {
						b[key] = string(mustJSON(yes))
					}
				}
			}),
			mutant.RewriteRequestJSON(patchSandbox, "objects and lists are left out", func(b map[string]any) {
				maps.DeleteFunc(b, func(_ string, v any) bool {
					switch v.(type) {
					case map[string]any, []any:
						return true
					}
					return false
				})
			}),
		),
		[]Mutant{{Requirement: "LC-PATCH-07", Name: "PATCH metadata: refused, and what has the right type is set", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			rec := ask(next, withBody(r, body))
			rest := leavingOut(jsonObject(body), func(_ string, v any) bool { _, text := v.(string); return !text && v != nil })
			if rec.Code == http.StatusBadRequest && len(rest) > 0 && ask(next, withBody(r, mustJSON(rest))).Code == http.StatusOK {
				act()
			}
			tell(w, rec)
		})}},
		breaks("LC-PATCH-08",
			mutant.Status(patchSandbox, 404, 403),
			mutant.Status(patchSandbox, 404, 410),
			mutant.Status(patchSandbox, 404, 200),
		),
	)
}

// refusesPatch answers 400 to patches of which test is true.
func refusesPatch(test func(body []byte) bool) decorateHTTP {
	return asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if r.Method != http.MethodPatch || !hasKey(r) {
			next.ServeHTTP(w, r)
			return
		}
		body := bodyOf(r)
		if test(body) {
			act()
			refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "there is nothing to change; name a key")
			return
		}
		next.ServeHTTP(w, withBody(r, body))
	})
}

var patchPath = regexp.MustCompile(`^/v1/sandboxes/([^/]+)/metadata$`)

// restartsOnPatch makes the sandbox anew, as a server does that keeps metadata in the labels of containers.
func restartsOnPatch() Mutant {
	made := &specs{}
	var under runtime.Runtime
	return Mutant{
		Requirement: "LC-PATCH-05", Name: "PATCH metadata: the sandbox is made anew",
		Runtime: engineWith(func(e *engine, next runtime.Runtime, _ func()) {
			under, e.provision = next, made.keep(next.Provision)
		}),
		HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			found := patchPath.FindStringSubmatch(r.URL.Path)
			if found == nil || r.Method != http.MethodPatch {
				next.ServeHTTP(w, r)
				return
			}
			rec := ask(next, withBody(r, bodyOf(r)))
			if spec := made.of(found[1]); rec.Code == http.StatusOK && spec.ID != "" {
				ctx := context.WithoutCancel(r.Context())
				if under.Remove(ctx, spec.ID) == nil && under.Provision(ctx, spec) == nil && daemonAnswers(ctx, under, spec) == nil {
					act()
				}
			}
			tell(w, rec)
		}),
	}
}

// odderMetadataMutants are by a second author, too.
func odderMetadataMutants() []Mutant {
	made := func(requirement, what string, change func(key, text string) (string, string)) Mutant {
		return Mutant{Requirement: requirement, Wire: mutant.RewriteRequestJSON(createSandbox, what, func(b map[string]any) {
			metadata := member(b, "metadata")
			for key, value := range maps.Clone(metadata) {
				delete(metadata, key)
				other, text := change(key, stringOf(value))
				metadata[other] = text
			}
		})}
	}
	odd := func(key, text string) bool { return noLabel(key, text) }
	return slices.Concat(
		[]Mutant{
			made("LC-CREATE-16", "other characters are left out", func(key, text string) (string, string) {
				return strings.ReplaceAll(hyphens(key), "-", ""), strings.ReplaceAll(hyphens(text), "-", "")
			}),
			made("LC-CREATE-16", "values are what stands before the first other character", func(key, text string) (string, string) {
				label, _, _ := strings.Cut(hyphens(text), "-")
				return strings.Trim(hyphens(key), "-"), label
			}),
			made("LC-CREATE-17", "values are cut at 63 bytes", func(key, text string) (string, string) {
				return key, strings.ToValidUTF8(text[:min(len(text), 63)], "")
			}),
			{Requirement: "LC-CREATE-17", Wire: mutant.RewriteRequestJSON(createSandbox, "only keys are looked at", func(b map[string]any) {
				for key, value := range member(b, "metadata") {
					if odd(key, stringOf(value)) && !odd(key, "") {
						member(b, "metadata")[key] = "x"
					}
				}
			})},
			{Requirement: "LC-CREATE-17", Wire: mutant.RewriteRequestJSON(createSandbox, "only values are looked at", func(b map[string]any) {
				maps.DeleteFunc(member(b, "metadata"), func(key string, _ any) bool { return odd(key, "") })
			})},
		},
	)
}
