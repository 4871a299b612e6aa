package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeRequestMutants take what is no request for a context or to run code.
func codeRequestMutants() []Mutant {
	noJSON := func(m mutant.Match) mutant.Match {
		return m.WithRawBody(func(b []byte) bool { return !json.Valid(b) })
	}
	noText := func(v any) bool {
		_, ok := v.(string)
		return v != nil && !ok
	}
	wrongLanguage := createContext.WithBody(func(b map[string]any) bool { return noText(b["language"]) })
	noCode := func(b map[string]any) bool { return b["code"] == nil }
	wrongCode := func(b map[string]any) bool { return noText(b["code"]) }
	wrongContext := func(b map[string]any) bool {
		context := contextOf(b)
		return b["context"] != nil && context == nil || noText(context["id"]) || noText(context["language"])
	}
	says := func(m mutant.Match, from, to int, what string) mutant.Fault {
		return renamed(mutant.Status(m, from, to), m, fmt.Sprintf("%s: status %d", what, to))
	}
	return slices.Concat(
		breaks("EX-CONTEXT-12",
			asJSON(createContext, "a body that is no JSON asks for python", func(body []byte) []byte {
				if json.Valid(body) {
					return body
				}
				return []byte(`{"language":"python"}`)
			}),
			mutant.RewriteRequestBody(createContext, "text behind the JSON is ignored", firstValue),
			mutant.RewriteRequestBody(createContext, "a JSON text is the language", func(body []byte) []byte {
				var v any
				if json.Unmarshal(body, &v) == nil && noObject(v) {
					return []byte(`{"language":"python"}`)
				}
				return body
			}),
			mutant.RewriteRequestJSON(createContext, "a language of a wrong type is python", func(b map[string]any) {
				if noText(b["language"]) {
					b["language"] = "python"
				}
			}),
			says(wrongLanguage, 400, 422, "a language of a wrong type"),
			says(wrongLanguage, 400, 500, "a language of a wrong type"),
			says(noJSON(createContext), 400, 422, "no JSON"),
			says(noJSON(createContext), 400, 500, "no JSON"),
		),
		[]Mutant{misbehaves("EX-CONTEXT-12", "made, and then refused", "POST", "/code/context", madeFirst)},
		breaks("EX-CODE-27",
			asJSON(runCode, "a body that is no JSON is the code", func(body []byte) []byte {
				if json.Valid(body) || len(body) == 0 {
					return body
				}
				return mustJSON(map[string]any{"code": string(body), "context": map[string]any{"language": "python"}})
			}),
			mutant.RewriteRequestBody(runCode, "text behind the JSON is ignored", firstValue),
			mutant.RewriteRequestJSON(runCode, "no code is empty code", func(b map[string]any) {
				if noCode(b) {
					b["code"] = ""
				}
			}),
			mutant.RewriteRequestJSON(runCode, "code of another type is made text", func(b map[string]any) {
				if lines, ok := b["code"].([]any); ok {
					b["code"] = strings.Trim(fmt.Sprintln(lines...), "\n")
				} else if wrongCode(b) {
					b["code"] = fmt.Sprint(b["code"])
				}
			}),
			mutant.RewriteRequestJSON(runCode, "a context of a wrong type is none", func(b map[string]any) {
				if wrongContext(b) {
					delete(b, "context")
				}
			}),
			mutant.RewriteRequestJSON(runCode, "a context of a wrong type is the default one of python", func(b map[string]any) {
				if wrongContext(b) {
					b["context"] = map[string]any{"language": "python"}
				}
			}),
			says(runCode.WithBody(noCode), 400, 422, "no code"),
			says(runCode.WithBody(noCode), 400, 500, "no code"),
			says(runCode.WithBody(wrongCode), 400, 422, "code of a wrong type"),
			says(runCode.WithBody(wrongContext), 400, 404, "a context of a wrong type"),
			says(noJSON(runCode), 400, 500, "no JSON"),
			says(noJSON(runCode), 400, 422, "no JSON"),
			refusedByStream(runCode.WithBody(noCode), 400, "no code"),
		),
		[]Mutant{misbehaves("EX-CODE-27", "runs the code and then answers 400", "POST", "/code", codeFirst)},
	)
}

// asJSON makes JSON of a body that was none.
func asJSON(m mutant.Match, what string, change func([]byte) []byte) mutant.Fault {
	f := mutant.RewriteRequestBody(m, what, change)
	inner := f.Request
	f.Request = func(r *http.Request, act func()) error {
		return inner(r, func() {
			act()
			r.Header.Set("Content-Type", "application/json")
		})
	}
	return f
}

func noObject(v any) bool {
	_, ok := v.(map[string]any)
	return !ok
}

// refusedByStream answers a stream that ends in an error where a status should be.
func refusedByStream(m mutant.Match, status int, what string) mutant.Fault {
	f := failsToStart(m)
	f.Name = m.String() + ": " + what + ": a stream that ends in an error"
	inner := f.Response
	f.Response = func(res *http.Response, act func()) error {
		if res.StatusCode != status {
			return nil
		}
		res.StatusCode = http.StatusBadRequest // what it looks for
		return inner(res, act)
	}
	return f
}

var (
	codeInText     = regexp.MustCompile(`"code"\s*:\s*("(?:[^"\\]|\\.)*")`)
	contextInText  = regexp.MustCompile(`"context"\s*:\s*(\{[^{}]*\})`)
	languageInText = regexp.MustCompile(`"language"\s*:\s*("(?:[^"\\]|\\.)*")`)
)

// codeFirst finds the code of a request that is not right, runs it, and refuses the request then.
func codeFirst(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	body := takeBody(r)
	found := codeInText.FindSubmatch(body)
	if found == nil || rightRun(body) {
		next.ServeHTTP(w, r)
		return
	}
	context := json.RawMessage(`{"language":"python"}`)
	if given := contextInText.FindSubmatch(body); given != nil && rightContext(given[1]) {
		context = given[1]
	}
	other := r.Clone(r.Context())
	if replay(next, other, mustJSON(map[string]any{"code": json.RawMessage(found[1]), "context": context}), "application/json") == http.StatusOK {
		act()
	}
	replaceBody(r, body)
	next.ServeHTTP(w, r)
}

// rightRun says whether a request to run code has the right types.
func rightRun(body []byte) bool {
	var request struct {
		Code    *string `json:"code"`
		Context *struct {
			ID       *string `json:"id"`
			Language *string `json:"language"`
		} `json:"context"`
	}
	return json.Unmarshal(body, &request) == nil && request.Code != nil && (request.Context == nil || request.Context.Language != nil)
}

func rightContext(text []byte) bool {
	return rightRun([]byte(`{"code":"","context":` + string(text) + `}`))
}

// madeFirst makes the context that a request that is not right may ask for, and refuses the request then.
func madeFirst(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	body := takeBody(r)
	var request struct {
		Language *string `json:"language"`
	}
	if json.Unmarshal(body, &request) != nil {
		language := json.RawMessage(`"python"`)
		if found := languageInText.FindSubmatch(body); found != nil {
			language = found[1]
		}
		if replay(next, r, mustJSON(map[string]any{"language": language}), "application/json") == http.StatusOK {
			act()
		}
	}
	replaceBody(r, body)
	next.ServeHTTP(w, r)
}
