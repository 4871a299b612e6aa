package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// createMutants answer a good create request wrongly, or make another sandbox than was asked for.
func createMutants() []Mutant {
	return slices.Concat([]Mutant{
		{Requirement: "LC-CREATE-01", Wire: mutant.DropField(createSandbox, "createdAt")},
		{Requirement: "LC-CREATE-01", Wire: mutant.DropField(createSandbox, "entrypoint")},
		{Requirement: "LC-CREATE-01", Wire: mutant.DropField(createSandbox, "status.state")},
		{Requirement: "LC-CREATE-01", Wire: mutant.SetField(createSandbox, "status.reason", nil)},
		{Requirement: "LC-CREATE-01", Wire: mutant.ChangeField(createSandbox, "expiresAt", "without a zone", func(v any) any { return strings.TrimSuffix(v.(string), "Z") })},
		{Requirement: "LC-CREATE-01", Name: "POST /sandboxes: no expiresAt, and no manual cleanup", Wire: mutant.DropField(createSandbox, "expiresAt")},
		{Requirement: "LC-CREATE-01", Wire: mutant.Status(createSandbox, 202, 201)},
		{Requirement: "LC-CREATE-01", Wire: mutant.Status(createSandbox, 202, 200)},
		{Requirement: "LC-CREATE-01", Wire: mutant.ContentType(createSandbox, "text/plain; charset=utf-8")},
		{Requirement: "LC-CREATE-01", Wire: mutant.SetField(createSandbox.On(400), "details", []any{})},
		{Requirement: "LC-CREATE-01", Wire: mutant.JSON(createSandbox.On(400), "another form of error", func(any) any {
			return map[string]any{"detail": []any{map[string]any{"loc": []any{"body"}, "msg": "field required", "type": "value_error"}}}
		})},
		{Requirement: "LC-CREATE-02", Wire: mutant.SetField(createSandbox, "status.state", "Creating")},
		{Requirement: "LC-CREATE-02", Wire: mutant.SetField(createSandbox, "status.state", "PENDING")},
		{
			Requirement: "LC-CREATE-03", Name: "provisioning never ends", Setup: Setup{Quick: true},
			Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
				e.provision = func(ctx context.Context, spec runtime.Spec) error { return never(act)(ctx, spec.ID) }
			}),
		},
		{Requirement: "LC-CREATE-03", Name: "get says Pending for ever", Setup: Setup{Quick: true}, API: showsState("Pending", "Running")},
		{
			Requirement: "LC-CREATE-07", Name: "create waits until the sandbox is Running, and says so",
			API: replaced(func(c *calls, next calls, act func()) {
				c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
					res, err := next.create(ctx, req)
					if err != nil {
						return nil, err
					}
					sb, err := await(ctx, next, res.Response.ID, settled)
					if err == nil {
						act()
						res.Response.Status = sb.Status
					}
					return res, err
				}
			}),
		},
		{
			Requirement: "LC-CREATE-07", Name: "create waits for a slow start, and says Pending all the same",
			API: replaced(func(c *calls, next calls, act func()) {
				c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
					res, err := next.create(ctx, req)
					if err == nil {
						act()
						letPass(ctx, 10*time.Second)
						_, err = await(ctx, next, res.Response.ID, settled)
					}
					return res, err
				}
			}),
		},
	}, metadataMutants(), envMutants(), loginMutants())
}

// metadataMutants don't give metadata back as it came.
func metadataMutants() []Mutant {
	metadata := func(name string, change func(lifecycleapi.Labels) lifecycleapi.Labels) Mutant {
		return Mutant{Requirement: "LC-CREATE-09", Name: name, API: shows(func(sb *lifecycleapi.Sandbox) bool {
			if len(sb.Metadata.Value) == 0 {
				return false
			}
			before := sb.Metadata.Value
			sb.Metadata.Value = change(before)
			return !same(before, sb.Metadata.Value)
		})}
	}
	values := func(name string, change func(string) string) Mutant {
		return metadata(name, func(l lifecycleapi.Labels) lifecycleapi.Labels {
			changed := lifecycleapi.Labels{}
			for k, v := range l {
				changed[k] = change(v)
			}
			return changed
		})
	}
	keys := func(name string, change func(string) string) Mutant {
		return metadata(name, func(l lifecycleapi.Labels) lifecycleapi.Labels {
			changed := lifecycleapi.Labels{}
			for k, v := range l {
				changed[change(k)] = v
			}
			return changed
		})
	}
	more := func(key string) Mutant {
		return Mutant{Requirement: "LC-CREATE-18", Wire: mutant.JSONBody(getSandbox, "metadata has "+key+" too", func(sb map[string]any) {
			if metadata := member(sb, "metadata"); metadata != nil {
				metadata[key] = "of-the-image"
			}
		})}
	}
	return []Mutant{
		more("maintainer"),
		more("org.opencontainers.image.version"),
		{Requirement: "LC-CREATE-09", Wire: mutant.DropField(getSandbox, "metadata")},
		values("values are cut after 32 characters", func(v string) string { return v[:min(len(v), 32)] }),
		keys("keys are cut after 32 characters", func(k string) string { return k[:min(len(k), 32)] }),
		values("hyphens in values become underscores", func(v string) string { return strings.ReplaceAll(v, "-", "_") }),
		keys("keys come back in camel case", func(k string) string {
			words := strings.Split(k, "-")
			for i := 1; i < len(words); i++ {
				if words[i] != "" {
					words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
				}
			}
			return strings.Join(words, "")
		}),
		metadata("one pair only is kept", func(l lifecycleapi.Labels) lifecycleapi.Labels {
			for k, v := range l {
				return lifecycleapi.Labels{k: v}
			}
			return l
		}),
	}
}

func same(a, b lifecycleapi.Labels) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// envMutants lose the environment of a request, or parts of it.
func envMutants() []Mutant {
	env := func(name string, change func(spec *runtime.Spec)) Mutant {
		return Mutant{Requirement: "LC-CREATE-10", Name: name, Runtime: provisions(func(spec *runtime.Spec) bool {
			if len(spec.Env) == 0 {
				return false
			}
			change(spec)
			return true
		})}
	}
	return []Mutant{
		env("env is dropped", func(spec *runtime.Spec) { spec.Env = nil }),
		env("env reaches the entry process only", func(spec *runtime.Spec) {
			entry := []string{"env"}
			for k, v := range spec.Env {
				entry = append(entry, k+"="+v)
			}
			spec.Entrypoint, spec.Env = append(entry, spec.Entrypoint...), nil
		}),
		env("env reaches commands only", func(spec *runtime.Spec) {
			entry := []string{"env"}
			for k := range spec.Env {
				entry = append(entry, "-u", k)
			}
			spec.Entrypoint = append(entry, spec.Entrypoint...)
		}),
	}
}

// loginMutants show the login of an image in an answer.
func loginMutants() []Mutant {
	leak := func(name string, change func(operation string, auth map[string]any, shown map[string]any)) Mutant {
		var mu sync.Mutex
		logins := map[string]map[string]any{}
		return Mutant{Requirement: "LC-CREATE-12", Name: name, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			one := strings.Count(r.URL.Path, "/") == 3 && strings.HasPrefix(r.URL.Path, "/v1/sandboxes/")
			all := r.URL.Path == "/v1/sandboxes"
			if !isCreate(r) && (r.Method != http.MethodGet || !one && !all) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			rec := ask(next, withBody(r, body))
			answer := jsonObject(rec.Body.Bytes())
			before, _ := json.Marshal(answer)
			show := func(operation string, shown map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				id, _ := shown["id"].(string)
				if auth := member(member(jsonObject(body), "image"), "auth"); auth != nil && id != "" {
					logins[id] = auth
				}
				if auth := logins[id]; auth != nil {
					change(operation, auth, shown)
				}
			}
			switch {
			case isCreate(r):
				show("create", answer)
			case one:
				show("get", answer)
			default:
				items, _ := answer["items"].([]any)
				for _, item := range items {
					if shown, ok := item.(map[string]any); ok {
						show("list", shown)
					}
				}
			}
			if after, _ := json.Marshal(answer); string(after) == string(before) {
				tell(w, rec)
				return
			}
			act()
			tellObject(w, rec, answer)
		})}
	}
	in := func(operation string) Mutant {
		return leak(operation+" shows image.auth", func(op string, auth, shown map[string]any) {
			if op != operation {
				return
			}
			image := member(shown, "image")
			if image == nil {
				image = map[string]any{"uri": "private"}
			}
			image["auth"] = auth
			shown["image"] = image
		})
	}
	return []Mutant{
		in("create"), in("get"), in("list"),
		leak("the message of a failed pull has the password", func(_ string, auth, shown map[string]any) {
			status, password := member(shown, "status"), auth["password"]
			if text, ok := password.(string); ok && status["state"] == "Failed" {
				status["message"] = "pull with " + text + " was refused"
			}
		}),
	}
}
