package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
)

// withBodies are the operations that answer with a body.
var withBodies = []mutant.Match{createSandbox, listSandboxes, getSandbox, renewSandbox, sandboxEndpoint}

// wireVariants write what is right in another way.
func wireVariants() []Benign {
	errorsOnly := mutant.Any().Errors()
	variants := []Benign{
		{Wire: mutant.SetHeader(mutant.Any().Always(), "X-Powered-By", "a server")},
		{Wire: mutant.SetHeader(mutant.Any().On(401), "WWW-Authenticate", "ApiKey")},
		{Wire: mutant.JSONBody(getSandbox, "metadata has a key of the server's own", func(sb map[string]any) {
			if metadata := member(sb, "metadata"); metadata != nil {
				metadata["opensandbox.io/node"] = "n1"
			}
		})},
		{Wire: mutant.SetHeader(mutant.Any().Always(), "Strict-Transport-Security", "max-age=63072000")},
		{Wire: mutant.JSONBody(errorsOnly, "codes with a domain", func(e map[string]any) {
			if code := stringOf(e["code"]); code != "" {
				e["code"] = "SERVER::" + code
			}
		})},
		{Wire: mutant.ChangeField(errorsOnly, "message", "another", func(any) any { return "Das geht so nicht; bitte die Anfrage prüfen." })},
		{Wire: mutant.ChangeField(createSandbox, "status", "alone", stateAlone)},
		{Wire: mutant.ChangeField(getSandbox, "status", "alone, unless it failed", stateAlone)},
		{Wire: mutant.ChangeField(listSandboxes, "items.*.status", "alone, unless it failed", stateAlone)},
		{Wire: mutant.SetField(createSandbox, "region", "eu-1")},
		{Wire: mutant.SetField(createSandbox, "image", map[string]any{"name": "debian", "layers": 3})},
		{Wire: mutant.SetField(createSandbox, "status.node", nil)},
		{Wire: mutant.SetField(getSandbox, "platform", map[string]any{"os": "linux", "arch": nil})},
		{Wire: mutant.SetField(getSandbox, "status.conditions", []any{map[string]any{"type": "Ready"}})},
		{Wire: mutant.SetField(listSandboxes, "items.*.owner", nil)},
		{Wire: mutant.SetField(listSandboxes, "pagination.nextPageToken", "7")},
		{Wire: mutant.SetField(listSandboxes, "took", 3)},
		{Wire: mutant.DropField(sandboxEndpoint, "headers")},
		{Wire: mutant.ChangeField(sandboxEndpoint, "endpoint", "under /v1, by another word", func(v any) any {
			return strings.Replace(strings.Replace(stringOf(v), "/sandboxes/", "/v1/sandboxes/", 1), "/port/", "/proxy/", 1)
		})},
		location("absolute", func(r *http.Request, path string) string { return "https://" + r.Host + path }),
		location("without a host", func(r *http.Request, path string) string { return "//" + r.Host + path }),
		location("relative", func(_ *http.Request, path string) string { return strings.TrimPrefix(path, "/v1/") }),
		{Name: "every answer 300 ms late", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			act()
			letPass(r.Context(), 300*time.Millisecond)
			next.ServeHTTP(w, r)
		})},
		{Name: "415 for what is no JSON", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if !isCreate(r) || !hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			rec := ask(next, withBody(r, body))
			if answer := jsonObject(rec.Body.Bytes()); rec.Code == http.StatusBadRequest && !json.Valid(body) && answer != nil {
				act()
				rec.Code = http.StatusUnsupportedMediaType
				answer["code"], answer["message"] = "UNSUPPORTED_MEDIA_TYPE", "send application/json"
				tellObject(w, rec, answer)
				return
			}
			tell(w, rec)
		})},
		{Name: "the content type has a charset", HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if _, carried := gateway.Match(r); carried || keyless(r) {
				next.ServeHTTP(w, r)
				return
			}
			rec := ask(next, r)
			if rec.Header().Get("Content-Type") == "application/json" {
				act()
				rec.Header().Set("Content-Type", "application/json; charset=utf-8")
			}
			tell(w, rec)
		})},
	}
	for _, op := range withBodies {
		variants = append(variants, Benign{Wire: mutant.ReorderKeys(op.Always())}, Benign{Wire: mutant.Chunked(op.Always())})
	}
	return append(variants, Benign{Wire: mutant.Trickle(listSandboxes, 1)}, Benign{Wire: mutant.Trickle(getSandbox.Always(), 1)})
}

// stateAlone drops what a status needn't have; of a failure the cause stays, which a status should have.
func stateAlone(v any) any {
	status, ok := v.(map[string]any)
	if !ok || status["state"] == "Failed" {
		return v
	}
	return map[string]any{"state": status["state"]}
}

// keyless recognises requests that are refused before their bodies have come: they must not be held until then.
func keyless(r *http.Request) bool { return r.Header.Get(reference.KeyHeader) != apiKey }

// location writes the Location of a new sandbox in another way (RFC 9110 §10.2.2).
func location(what string, write func(r *http.Request, path string) string) Benign {
	return Benign{Name: "Location is " + what, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if !isCreate(r) || keyless(r) {
			next.ServeHTTP(w, r)
			return
		}
		rec := ask(next, r)
		if path := rec.Header().Get("Location"); path != "" {
			act()
			rec.Header().Set("Location", write(r, path))
		}
		tell(w, rec)
	})}
}

// times writes every time of the API in another way.
func times(name string, write func(time.Time) string) Benign {
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e))
				if strings.HasSuffix(k, "At") && err == nil {
					v[k] = write(at)
				} else {
					v[k] = walk(e)
				}
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		}
		return v
	}
	wire := mutant.JSON(mutant.Any().Where(func(r *http.Request) bool { return lifecyclePath(r) }), name, walk)
	return Benign{Wire: wire, Expiry: true}
}
