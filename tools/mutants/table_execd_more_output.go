package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// keptOutputMutants break the output of a command that is asked for.
func keptOutputMutants() []Mutant {
	list := func(v any) any { return strings.Split(anyText(v), "\n") }
	return slices.Concat(
		breaks("EX-OUTPUT-01", documentedStatus(commandOutput)...),
		breaks("EX-OUTPUT-01",
			mutant.ChangeField(commandOutput, "stdout", "is a list of lines", list),
			mutant.SetField(commandOutput, "stderr", nil),
			mutant.SetField(commandOutput, "stdout", map[string]any{"text": "", "truncated": false}),
		),
		breaks("EX-OUTPUT-02",
			mutant.JSONBody(commandOutput, "stdout and stderr are swapped", func(b map[string]any) {
				b["stdout"], b["stderr"] = b["stderr"], b["stdout"]
			}),
			mutant.JSONBody(commandOutput, "stderr is in stdout", func(b map[string]any) {
				b["stdout"], b["stderr"] = anyText(b["stdout"])+anyText(b["stderr"]), ""
			}),
			mutant.JSONBody(commandOutput, "both hold both", func(b map[string]any) {
				all := anyText(b["stdout"]) + anyText(b["stderr"])
				b["stdout"], b["stderr"] = all, all
			}),
		),
		followed("EX-OUTPUT-02",
			holds("nothing in the foreground", lostAll, inForeground, over),
			holds("nothing in the background", lostAll, inBackground, over),
			holds("what the background wrote at first", firstLine, inBackground, over),
			holds("the first line is lost", allButFirst, over),
			holds("the last line is lost", allButLast, over),
			holds("a last line without line end is lost", wholeOnly, over),
			holds("the last 10 lines", lastLines(10), over),
			holds("the first 64 KiB", cutAt(64<<10), over),
			holds("the last 64 KiB", lastBytes(64<<10), over),
			holds("the line ends between lines are lost", func(s string) string { return strings.ReplaceAll(s, "\n", "") }, over),
			holds("everything twice", func(s string) string { return s + s }, over),
			holds("space at both ends is lost", strings.TrimSpace, over),
			holds("ASCII only", asciiOnly, over),
			tells(commandOutput, "stderr is lost", saying("stderr", ""), over),
		),
		followed("EX-OUTPUT-03",
			forgets(commandOutput, "none while it runs", running),
			holds("nothing while it runs", lostAll, running),
			holds("nothing while it runs in the background", lostAll, inBackground, running),
			holds("nothing while it runs in the foreground", lostAll, inForeground, running),
			holds("the last line is lost while it runs", allButLast, running),
			holds("the first line while it runs", firstLine, running),
			holds("blocks of 4096 bytes while it runs", func(s string) string { return s[:len(s)-len(s)%4096] }, running),
			tells(commandOutput, "no stderr while it runs", saying("stderr", ""), running),
			stale,
		),
		breaks("EX-OUTPUT-04", mutant.Status(commandOutput, 404, 400), mutant.Status(commandOutput, 404, 500)),
		followed("EX-OUTPUT-04",
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(x.strangers(commandOutput), 200, map[string]any{"id": "?", "stdout": "", "stderr": ""}), commandOutput, "empty for an unknown id")
			},
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(x.strangers(commandOutput), 204, nil), commandOutput, "an unknown id: status 204")
			},
		),
	)
}

// holds changes stdout and stderr as they are answered for the commands that all tests are true of.
func holds(what string, change func(string) string, tests ...about) func(x *executions) mutant.Fault {
	return tells(commandOutput, what, func(b map[string]any) {
		for _, name := range []string{"stdout", "stderr"} {
			if text, ok := b[name].(string); ok {
				b[name] = change(text)
			}
		}
	}, tests...)
}

// stale answers what it answered first, for as long as the command runs.
func stale(x *executions) mutant.Fault {
	var mu sync.Mutex
	first := map[string]map[string]any{}
	return renamed(mutant.JSONBody(x.those(commandOutput, running), "", func(b map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		id := anyText(b["id"]) + "/" + anyText(b["session"])
		if old, ok := first[id]; ok {
			b["stdout"], b["stderr"] = old["stdout"], old["stderr"]
			return
		}
		first[id] = map[string]any{"stdout": b["stdout"], "stderr": b["stderr"]}
	}), commandOutput, "what it was when it was asked first")
}

var keptOps = mutant.Path("GET", regexp.MustCompile(`/command/(output/[^/]+|[^/]+/logs)$`))

// keptMutants lose what commands wrote, in output and in logs at once.
func keptMutants() []Mutant {
	lost := func(what string, status int, tests ...about) func(x *executions) mutant.Fault {
		return func(x *executions) mutant.Fault {
			f := mutant.Answer(x.those(keptOps, tests...), status, refusal("no output is kept"))
			f.Name = "output and logs: " + what
			return f
		}
	}
	kept := func(what string, change func(string) string, tests ...about) func(x *executions) mutant.Fault {
		return func(x *executions) mutant.Fault {
			asJSON := holds(what, change)(newExecutions()).Response
			return mutant.Fault{Name: "output and logs: " + what, Match: x.those(keptOps, tests...), Response: func(res *http.Response, act func()) error {
				if strings.HasSuffix(res.Request.URL.Path, "/logs") {
					return mutant.Body(keptOps, "", func(b []byte) []byte { return []byte(change(string(b))) }).Response(res, act)
				}
				return asJSON(res, act)
			}}
		}
	}
	neither := func(status int) mutant.Fault {
		f := mutant.Answer(keptOps, status, refusal("not here"))
		f.Name = "neither output nor logs: " + http.StatusText(status)
		return f
	}
	return slices.Concat(
		breaks("EX-KEPT-01", neither(404), neither(501)),
		followed("EX-KEPT-01",
			lost("none at its end", 404, over),
			lost("none of the foreground", 404, inForeground),
			lost("none of the background at its end", 404, inBackground, over),
			lost("of the newest command only", 404, older),
			lost("410 at its end", 410, over),
			kept("empty at its end", lostAll, over),
			kept("the first line at its end", firstLine, over),
			kept("the last line is lost", allButLast, over),
			kept("the last 10 lines", lastLines(10), over),
			kept("none 500 ms after the stream's end", lostAll, func(_ *executions, e *execution) bool {
				return !e.told.IsZero() && time.Since(e.told) > 500*time.Millisecond
			}),
		),
	)
}

func lostAll(string) string { return "" }

// firstLine is the first line with its end.
func firstLine(s string) string {
	first, rest, more := strings.Cut(s, "\n")
	if !more {
		return first + rest
	}
	return first + "\n"
}

func allButFirst(s string) string {
	_, rest, _ := strings.Cut(s, "\n")
	return rest
}

// allButLast is a text without its last line, whether or not that has an end.
func allButLast(s string) string {
	return s[:strings.LastIndexByte(strings.TrimSuffix(s, "\n"), '\n')+1]
}

// wholeOnly is a text without what comes behind its last line end.
func wholeOnly(s string) string { return s[:strings.LastIndexByte(s, '\n')+1] }

func lastLines(n int) func(string) string {
	return func(s string) string {
		lines := strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n")
		if len(lines) <= n {
			return s
		}
		return s[len(strings.Join(lines[:len(lines)-n], "")):]
	}
}

func lastBytes(n int) func(string) string {
	return func(s string) string { return s[max(0, len(s)-n):] }
}

func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}
