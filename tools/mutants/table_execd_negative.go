package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations that no other part of the table makes wrong requests for.
var (
	listsTree = mutant.Op("GET", "/directories/list")
	setsModes = mutant.Op("POST", "/files/permissions")
)

// negativeMutants are daemons that take requests which are wrong in one way, or refuse them in a wrong way.
func negativeMutants() []Mutant {
	return slices.Concat(wrongBodyMutants(), wrongParameterMutants(), furtherBodyMutants(), confusedMutants(), editionMutants())
}

// quotedMode is a mode that is text, in the metadata of an upload.
var quotedMode = regexp.MustCompile(`"mode":"(\d+)"`)

func wrongBodyMutants() []Mutant {
	wrongSession := openSession.WithRawBody(func(b []byte) bool {
		var request struct {
			Cwd *string `json:"cwd"`
		}
		return len(b) > 0 && json.Unmarshal(b, &request) != nil
	})
	return slices.Concat(
		breaks("EX-NEG-01",
			mutant.RewriteRequestJSON(openSession, "a cwd of another type is ignored", func(b map[string]any) {
				if _, text := b["cwd"].(string); !text {
					delete(b, "cwd")
				}
			}),
			mutant.RewriteRequestBody(openSession, "what is no JSON counts as no body", func(b []byte) []byte {
				if !json.Valid(b) {
					return nil
				}
				return b
			}),
			mutant.RewriteRequestBody(openSession, "text behind the JSON is ignored", firstValue),
			renamed(mutant.Status(wrongSession, 400, 422), openSession, "a wrong body: status 422"),
			renamed(mutant.Status(wrongSession, 400, 500), openSession, "a wrong body: status 500"),
			mutant.RewriteRequestBody(uploadFile, "a mode that is text is taken", func(b []byte) []byte {
				return quotedMode.ReplaceAll(b, []byte(`"mode":$1`))
			}),
		),
		[]Mutant{misbehaves("EX-NEG-01", "written, and then refused", "POST", "/files/upload", func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
			body := takeBody(r)
			if mended := quotedMode.ReplaceAll(body, []byte(`"mode":$1`)); !bytes.Equal(mended, body) {
				if askAgain(next, r, r.URL.Query(), mended).Code == http.StatusOK {
					act()
				}
			}
			next.ServeHTTP(w, r)
		})},
	)
}

func wrongParameterMutants() []Mutant {
	depth := func(test func(string) bool) mutant.Match {
		return listsTree.Where(func(r *http.Request) bool { return r.URL.Query().Has("depth") && test(r.URL.Query().Get("depth")) })
	}
	negative := depth(func(s string) bool { return strings.HasPrefix(s, "-") })
	word := depth(func(s string) bool { return strings.Trim(s, "0123456789-.") != "" })
	nameless := interruptCode.Where(func(r *http.Request) bool { return !r.URL.Query().Has("id") })
	return breaks("EX-NEG-02",
		renamed(mutant.DropQuery(word, "depth"), listsTree, "a depth that is no number is ignored"),
		renamed(mutant.DropQuery(negative, "depth"), listsTree, "a negative depth is ignored"),
		renamed(mutant.Status(negative, 400, 500), listsTree, "a negative depth: status 500"),
		renamed(mutant.EmptyBody(word.On(400)), listsTree, "a depth that is no number: no error body"),
		renamed(mutant.Status(word, 400, 422), listsTree, "a depth that is no number: status 422"),
		renamed(mutant.Answer(nameless, 200, nil), interruptCode, "without an id nothing is interrupted, and that is a success"),
		renamed(mutant.Answer(deleteContext, 200, nil), deleteContext, "deleting what is not there is a success"),
	)
}

func furtherBodyMutants() []Mutant {
	has := func(name string, test func(any) bool) mutant.Match {
		return runCommand.WithBody(func(b map[string]any) bool { v, there := b[name]; return there && test(v) })
	}
	isNull := func(v any) bool { return v == nil }
	anyType := mutant.Fault{Name: setsModes.String() + ": any content type is JSON", Match: setsModes, Request: func(r *http.Request, act func()) error {
		if r.Header.Get("Content-Type") == "text/plain" {
			act()
			r.Header.Set("Content-Type", "application/json")
		}
		return nil
	}}
	return breaks("EX-NEG-03",
		anyType,
		mutant.RewriteRequestJSON(runCommand, "a timeout that is not positive is ignored", func(b map[string]any) {
			if n, ok := b["timeout"].(json.Number); ok && (strings.HasPrefix(n.String(), "-") || n.String() == "0") {
				delete(b, "timeout")
			}
		}),
		mutant.RewriteRequestJSON(runCommand, "a uid of more than 32 bits is ignored", func(b map[string]any) {
			if n, ok := b["uid"].(json.Number); ok && len(n.String()) > 9 {
				delete(b, "uid")
			}
		}),
		renamed(mutant.Status(has("envs", isNull), 400, 500), runCommand, "envs that are null: status 500"),
		renamed(mutant.EmptyBody(has("cwd", isNull).On(400)), runCommand, "a cwd that is null: no error body"),
	)
}

// confusedMutants are daemons that a wrong request harms.
func confusedMutants() []Mutant {
	confused := func(name, method, path string) Mutant {
		return Mutant{Requirement: "EX-NEG-04", Name: method + " " + path + ": " + name, HTTP: func(next http.Handler, act func()) http.Handler {
			var hurt atomic.Bool
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != method || r.URL.Path != path || r.Header.Get(tokenHeader) != token {
					next.ServeHTTP(w, r)
					return
				}
				if body := takeBody(r); json.Valid(body) && hurt.Load() {
					act()
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusInternalServerError)
					_ = json.NewEncoder(w).Encode(refusal("something failed"))
					return
				} else if !json.Valid(body) {
					hurt.Store(true)
				}
				next.ServeHTTP(w, r)
			})
		}}
	}
	return []Mutant{
		confused("fails once it has seen what is no JSON", "POST", "/files/permissions"),
		confused("fails once it has seen what is no JSON", "POST", "/directories"),
		confused("fails once it has seen what is no JSON", "POST", "/code/context"),
	}
}

// editionMutants do what edition 2026-01 does not allow.
func editionMutants() []Mutant {
	anyLanguage := listContexts.Where(func(r *http.Request) bool { return !r.URL.Query().Has("language") })
	return slices.Concat(
		breaks("EX-CONTEXT-13",
			renamed(mutant.Answer(anyLanguage.WithHeader(tokenHeader, token), 400, refusal("language is missing")), listContexts, "400 without a language"),
			renamed(mutant.JSON(anyLanguage, "none without a language", func(any) any { return []any{} }), listContexts, "none without a language"),
			renamed(mutant.RewriteQuery(anyLanguage, "those of bash without a language", func(q url.Values) { q.Set("language", "bash") }), listContexts, "those of bash without a language"),
		),
		breaks("EX-OUTPUT-05",
			mutant.Answer(commandOutput.WithHeader(tokenHeader, token), 404, map[string]any{"code": "NOT_FOUND", "message": "there is no such path"}),
			mutant.Answer(commandOutput.WithHeader(tokenHeader, token), 501, map[string]any{"code": "NOT_IMPLEMENTED", "message": "this daemon keeps no output"}),
		),
		breaks("EX-HTTP-01",
			mutant.DropHeader(mutant.Path("", regexp.MustCompile(`/files/search$`)).On(405), "Allow"),
			mutant.DropHeader(mutant.Path("", regexp.MustCompile(`/session/[^/]+/run$`)).On(405), "Allow"),
		),
		breaks("EX-HTTP-02", mutant.Status(mutant.Path("", regexp.MustCompile(`/code/contexts/[^/]+$`)), 405, 404)),
	)
}
