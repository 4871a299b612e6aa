package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// oddCode are daemons that run code in an odd and allowed way.
func oddCode() []mutant.Fault {
	noJSON := func(m mutant.Match) mutant.Match { return m.WithRawBody(func(b []byte) bool { return !json.Valid(b) }) }
	status := map[string]any{"type": "status", "text": "running"}
	return []mutant.Fault{
		renamed(mutant.Answer(getContext.WithHeader(tokenHeader, token), 501, map[string]any{"code": "NOT_IMPLEMENTED", "message": "contexts are only listed"}), getContext, "without code-context-get"),
		renamed(mutant.Status(noJSON(runCode), 400, 415), runCode, "415 for a body that is no JSON"),
		renamed(mutant.Status(noJSON(createContext), 400, 415), createContext, "415 for a body that is no JSON"),
		chained(createContext, "further properties of contexts", mutant.SetField(createContext, "status", "idle"), mutant.SetField(createContext, "created_at", nil)),
		chained(listContexts, "further properties of listed contexts", mutant.SetField(listContexts, "*.pid", 7), mutant.SetField(listContexts, "*.env", map[string]any{})),
		mutant.ReorderKeys(createContext),
		mutant.JSON(listContexts, "in another order", func(v any) any {
			if list, ok := v.([]any); ok {
				slices.Reverse(list)
			}
			return v
		}),
		listsDefault(),
		otherContextIDs(),
		delayedBy(interruptCode, 3*time.Second),
		delayedBy(createContext, 1*time.Second),
		mutant.DropEvent(runCode, "execution_count"),
		codeAround("a status behind init and before the end", func(f mutant.Frame) []mutant.Frame {
			switch {
			case f.Is("init"):
				return []mutant.Frame{f, stamped(status, f)}
			case isLast(f):
				return []mutant.Frame{stamped(status, f), f}
			}
			return []mutant.Frame{f}
		}),
		codeAround("a ping before each event", func(f mutant.Frame) []mutant.Frame {
			return []mutant.Frame{stamped(map[string]any{"type": "ping"}, f), f}
		}),
		codeAround("events of an unknown type before each", func(f mutant.Frame) []mutant.Frame {
			return []mutant.Frame{stamped(map[string]any{"type": "display_hint", "text": "7", "results": nil}, f), f}
		}),
		mutant.Comments(runCode, "keep-alive"),
		mutant.LineEnds(runCode, "\r\n"),
		mutant.Trickle(runCode, 50),
		onCode(lineSplit()),
		mutant.ChangeEvent(runCode, "stdout", "line ends where there were none, and none where there were", turned),
		mutant.ChangeEvent(runCode, "result", "a result in further forms", func(e map[string]any) {
			if results, ok := e["results"].(map[string]any); ok {
				results["text/html"], results["image/png"], results["application/json"] = "<b>7</b>", "iVBORw0KGgo=", `{"a":7}`
			}
		}),
		mutant.ChangeEvent(runCode, "error", "a traceback in colours", func(e map[string]any) {
			setError(e, "traceback", []string{"\x1b[0;31m---------\x1b[0m", "\x1b[0;31mTraceback\x1b[0m (most recent call last)", "it failed", ""})
		}),
		ofInterrupted("execution_complete", func(f mutant.Frame) ([]mutant.Frame, error) {
			return []mutant.Frame{stamped(map[string]any{"type": "execution_complete", "execution_time": 1}, f)}, nil
		}),
		ofInterrupted("an error of another class", func(f mutant.Frame) ([]mutant.Frame, error) {
			return []mutant.Frame{stamped(map[string]any{"type": "error", "error": map[string]any{
				"ename": "Interrupted", "evalue": "", "traceback": []string{"interrupted"},
			}}, f)}, nil
		}),
	}
}

// codeAround changes each event of code to several.
func codeAround(what string, change func(f mutant.Frame) []mutant.Frame) mutant.Fault {
	return onCode(around(what, change))
}

// turned adds a line end, or takes it; an empty line is left alone.
func turned(e map[string]any) {
	text, ok := e["text"].(string)
	if bare := strings.TrimSuffix(text, "\n"); bare != text && bare != "" {
		e["text"] = bare
	} else if ok && bare != "" {
		e["text"] = text + "\n"
	}
}

// delayedBy answers an operation later.
func delayedBy(m mutant.Match, d time.Duration) mutant.Fault {
	return mutant.Fault{Name: m.String() + ": late by " + d.String(), Match: m, Request: func(r *http.Request, act func()) error {
		act()
		return pass(r.Context(), d)
	}}
}

// listsDefault lists the default context of the language too.
func listsDefault() mutant.Fault {
	f := mutant.Fault{Name: listContexts.String() + ": the default context is listed too", Match: listContexts}
	f.Response = func(res *http.Response, act func()) error {
		language := res.Request.URL.Query().Get("language")
		if language == "" || unknownLanguage(language) {
			return nil
		}
		return mutant.JSON(listContexts, "", func(v any) any {
			if list, ok := v.([]any); ok {
				return append([]any{map[string]any{"id": "default-" + language, "language": language}}, list...)
			}
			return v
		}).Response(res, act)
	}
	return f
}

// Ids of contexts as they are shown: with what a path and a query must escape.
const (
	oddPrefix = "ctx: ü+"
	oddSuffix = "?%41&b=#1"
)

func odd(id string) string { return oddPrefix + id + oddSuffix }

func plain(id string) string {
	if inner, ok := strings.CutPrefix(id, oddPrefix); ok {
		if inner, ok = strings.CutSuffix(inner, oddSuffix); ok {
			return inner
		}
	}
	return id
}

// otherContextIDs shows ids of contexts in another form, and takes them so.
func otherContextIDs() mutant.Fault {
	change := func(object map[string]any, property string) {
		if id, ok := object[property].(string); ok && id != "" {
			object[property] = odd(id)
		}
	}
	all := mutant.Path("", regexp.MustCompile(`/code(/.*)?$`))
	return mutant.Fault{
		Name:  "ids of contexts that must be escaped",
		Match: all,
		Request: func(r *http.Request, _ func()) error {
			if id, ok := strings.CutPrefix(r.URL.Path, "/code/contexts/"); ok {
				r.URL.Path, r.URL.RawPath = "/code/contexts/"+plain(id), "/code/contexts/"+url.PathEscape(plain(id))
			}
			if query := r.URL.Query(); query.Has("id") {
				query.Set("id", plain(query.Get("id")))
				r.URL.RawQuery = query.Encode()
			}
			return mutant.RewriteRequestJSON(all, "", func(b map[string]any) {
				if id := idOf(b); id != "" {
					contextOf(b)["id"] = plain(id)
				}
			}).Request(r, func() {})
		},
		Response: func(res *http.Response, act func()) error {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
				return mutant.ChangeEvent(all, "init", "", func(e map[string]any) { change(e, "text") }).Response(res, act)
			}
			return mutant.JSON(all, "", func(v any) any {
				switch v := v.(type) {
				case map[string]any:
					change(v, "id")
				case []any:
					for _, e := range v {
						if m, ok := e.(map[string]any); ok {
							change(m, "id")
						}
					}
				}
				return v
			}).Response(res, act)
		},
	}
}
