package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeResultMutants break what comes of code besides output.
func codeResultMutants() []Mutant {
	inContext := runCode.WithBody(func(b map[string]any) bool { return idOf(b) != "" })
	manyLines := runCode.WithBody(func(b map[string]any) bool {
		code, _ := b["code"].(string)
		return strings.Contains(strings.TrimSpace(code), "\n")
	})
	value := func(what string, change func(text string) string) mutant.Fault {
		return mutant.ChangeEvent(runCode, "result", what, func(e map[string]any) {
			results, _ := e["results"].(map[string]any)
			for _, key := range []string{"text", "text/plain"} {
				if text, ok := results[key].(string); ok {
					results[key] = change(text)
				}
			}
		})
	}
	count := func(what string, change func(n int64) int64) mutant.Fault {
		return mutant.ChangeEvent(runCode, "execution_count", what, func(e map[string]any) {
			if n, ok := e["execution_count"].(json.Number); ok {
				if n, err := n.Int64(); err == nil {
					e["execution_count"] = change(n)
				}
			}
		})
	}
	return slices.Concat(
		breaks("EX-CODE-21",
			mutant.DropEvent(runCode, "result"),
			renamed(mutant.DropEvent(manyLines, "result"), runCode, "no result where the code has several lines"),
			mutant.ChangeEvent(runCode, "result", "the result as stdout", func(e map[string]any) {
				results, _ := e["results"].(map[string]any)
				e["type"], e["text"] = "stdout", results["text"]
				delete(e, "results")
			}),
			value("an empty result", func(string) string { return "" }),
			value("a result in quotes", func(s string) string { return "'" + s + "'" }),
			value("the first line of a result alone", func(s string) string {
				first, _, _ := strings.Cut(s, "\n")
				return first
			}),
			value("the result of the call before", before()),
		),
		breaks("EX-CODE-22",
			count("counts from 0", func(n int64) int64 { return n - 1 }),
			count("counts from 2", func(n int64) int64 { return n + 1 }),
			count("always 1", func(int64) int64 { return 1 }),
			counted("counts the runs of all contexts", func(string, string) string { return "" }),
			counted("counts the runs of the language", func(_, language string) string { return language }),
			uncountedErrors(),
		),
		breaks("EX-CODE-23",
			mutant.SwapOrder(runCode, "execution_count", "result"),
			countLast(),
		),
		breaks("EX-CODE-24",
			renamed(mutant.ChangeEvent(inContext, "init", "", func(e map[string]any) { e["text"] = uuid.NewString() }), runCode, "init tells an id of the run"),
			renamed(mutant.ChangeEvent(inContext, "init", "", func(e map[string]any) {
				if id, _ := e["text"].(string); len(id) > 8 {
					e["text"] = id[:8]
				}
			}), runCode, "init tells the id shortened"),
		),
	)
}

// before gives for each text the one before.
func before() func(string) string {
	var mu sync.Mutex
	last, any := "", false
	return func(text string) string {
		mu.Lock()
		defer mu.Unlock()
		old := last
		if last = text; !any {
			any = true
			return text
		}
		return old
	}
}

// runKey is how the request tells the answer which context it was for.
const runKey = "X-Mutant-Context"

// keyed gives the editors of streams the context, as id or as the default one, and the language of their request.
func keyed(what string, edit func(key, language string, act func()) func(mutant.Frame) []mutant.Frame) mutant.Fault {
	f := mutant.Fault{Name: runCode.String() + ": " + what, Match: runCode}
	f.Request = func(r *http.Request, _ func()) error {
		var b map[string]any
		_ = json.Unmarshal(takeBody(r), &b) // no context then
		r.Header.Set(runKey, languageOf(b)+" "+idOf(b))
		return nil
	}
	f.Response = func(res *http.Response, act func()) error {
		key := res.Request.Header.Get(runKey)
		language, _, _ := strings.Cut(key, " ")
		return framewise(runCode, what, func(act func()) func(mutant.Frame) []mutant.Frame { return edit(key, language, act) }).Response(res, act)
	}
	return f
}

// counted counts the runs by something else than their context.
func counted(what string, by func(key, language string) string) mutant.Fault {
	var mu sync.Mutex
	runs := map[string]int{}
	return keyed(what, func(key, language string, act func()) func(mutant.Frame) []mutant.Frame {
		mu.Lock()
		defer mu.Unlock()
		runs[by(key, language)]++
		n := runs[by(key, language)]
		return recount(act, func(int64) int64 { return int64(n) })
	})
}

// uncountedErrors leaves the runs that failed out.
func uncountedErrors() mutant.Fault {
	var mu sync.Mutex
	failures := map[string]int64{}
	return keyed("runs that failed don't count", func(key, _ string, act func()) func(mutant.Frame) []mutant.Frame {
		change := recount(act, func(n int64) int64 {
			mu.Lock()
			defer mu.Unlock()
			return max(n-failures[key], 1)
		})
		return func(f mutant.Frame) []mutant.Frame {
			if f.Is("error") {
				mu.Lock()
				defer mu.Unlock()
				failures[key]++
			}
			return change(f)
		}
	})
}

func recount(act func(), change func(int64) int64) func(mutant.Frame) []mutant.Frame {
	return func(f mutant.Frame) []mutant.Frame {
		n, ok := f.Event["execution_count"].(json.Number)
		if !f.Is("execution_count") || !ok {
			return []mutant.Frame{f}
		}
		if old, err := n.Int64(); err == nil && change(old) != old {
			act()
			f.Event["execution_count"] = change(old)
			f = mutant.Encode(f.Event)
		}
		return []mutant.Frame{f}
	}
}

// countLast sends execution_count right before the end, behind a result.
func countLast() mutant.Fault {
	return framewise(runCode, "execution_count right before the end", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			switch {
			case f.Is("execution_count"):
				held = []mutant.Frame{f}
				return nil
			case f.Is("result") && held != nil:
				act()
			case isLast(f):
				return append(held, f)
			}
			return []mutant.Frame{f}
		}
	})
}
