package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// logMutants break the text of logs, and whether there are any.
func logMutants() []Mutant {
	all := commandLogs.Where(func(r *http.Request) bool { return !r.URL.Query().Has("cursor") })
	logs := func(what string, change func(string) string, tests ...about) func(x *executions) mutant.Fault {
		return func(x *executions) mutant.Fault {
			return renamed(mutant.Body(x.those(all, tests...), "", func(b []byte) []byte { return []byte(change(string(b))) }), commandLogs, what)
		}
	}
	at := func(what, prefix string) mutant.Fault {
		return mutant.RewriteRequestJSON(background, what, func(b map[string]any) {
			if command, ok := b["command"].(string); ok {
				b["command"] = prefix + "\n" + command
			}
		})
	}
	return slices.Concat(
		breaks("EX-LOGS-01",
			mutant.Status(commandLogs, 200, 206),
			mutant.ContentType(commandLogs, "application/json"),
			mutant.ContentType(commandLogs, "application/octet-stream"),
			mutant.DropHeader(commandLogs, "Content-Type"),
			mutant.DropHeader(commandLogs, cursorHeader),
			mutant.SetHeader(commandLogs, cursorHeader, "end"),
			mutant.SetHeader(commandLogs, cursorHeader, "12.5"),
			headerRenamed("X-Tail-Cursor"),
		),
		breaks("EX-LOGS-01", undocumented(commandLogs, 404)...),
		followed("EX-LOGS-02",
			logs("the first line is lost", allButFirst, inBackground),
			logs("the last line is lost", allButLast, inBackground),
			logs("the first line only", firstLine, inBackground),
			logs("the last 10 lines", lastLines(10), inBackground),
			logs("the last 64 KiB", lastBytes(64<<10), inBackground),
			logs("a last line without line end is lost", wholeOnly, inBackground, over),
			logs("nothing at its end", lostAll, inBackground, over),
			logs("a time before each line", func(s string) string { return prefixed(s, "2026-09-21T13:46:40Z ") }, inBackground),
			logs("the kind before each line", func(s string) string { return prefixed(s, "[stdout] ") }, inBackground),
			logs("the line ends are lost", func(s string) string { return strings.ReplaceAll(s, "\n", "") }, inBackground),
			goesOn,
		),
		breaks("EX-LOGS-02",
			at("logs without stderr", "exec 2>/dev/null"),
			at("logs without stdout", "exec >/dev/null"),
		),
		followed("EX-LOGS-05",
			forgets(commandLogs, "none in the foreground", inForeground),
			claims(commandLogs, "400 in the foreground", 400, refusal("not a background command"), inForeground),
			forgets(commandLogs, "none in the foreground when it has ended", inForeground, over),
			logs("nothing in the foreground", lostAll, inForeground),
			logs("the last line in the foreground", lastLines(1), inForeground),
		),
		followed("EX-LOGS-06", sorted("stdout", "stderr"), sorted("stderr", "stdout")),
		breaks("EX-LOGS-06",
			mutant.Body(all, "the newest line first", func(b []byte) []byte {
				lines := strings.SplitAfter(string(b), "\n")
				slices.Reverse(lines)
				return []byte(strings.Join(lines, ""))
			}),
			mutant.Body(all, "two lines are swapped", func(b []byte) []byte {
				lines := strings.SplitAfter(string(b), "\n")
				if len(lines) > 2 {
					lines[0], lines[1] = lines[1], lines[0]
				}
				return []byte(strings.Join(lines, ""))
			}),
			at("stderr is a second behind", "exec 2> >(while IFS= read -r l; do sleep 1; printf '%s\\n' \"$l\"; done >&2)"),
		),
		breaks("EX-LOGS-08", mutant.Status(commandLogs, 404, 400), mutant.Status(commandLogs, 404, 500)),
		followed("EX-LOGS-08",
			func(x *executions) mutant.Fault {
				return renamed(mutant.Answer(x.strangers(commandLogs), 204, nil), commandLogs, "an unknown id: status 204")
			},
			func(x *executions) mutant.Fault { return emptyLogs(x.strangers(commandLogs)) },
		),
	)
}

// headerRenamed tells the cursor under another name.
func headerRenamed(name string) mutant.Fault {
	return mutant.Fault{Name: commandLogs.String() + ": the cursor is in " + name, Match: commandLogs, Response: func(res *http.Response, act func()) error {
		if cursor := res.Header.Get(cursorHeader); cursor != "" {
			act()
			res.Header.Del(cursorHeader)
			res.Header.Set(name, cursor)
		}
		return nil
	}}
}

func prefixed(s, prefix string) string {
	if s == "" {
		return s
	}
	body, end := strings.CutSuffix(s, "\n")
	body = prefix + strings.ReplaceAll(body, "\n", "\n"+prefix)
	if end {
		body += "\n"
	}
	return body
}

// goesOn remembers the cursor itself: asked without one, it goes on where the last answer ended.
func goesOn(x *executions) mutant.Fault {
	var mu sync.Mutex
	last := map[string]string{}
	return mutant.Fault{
		Name: commandLogs.String() + ": without a cursor it goes on behind the last answer", Match: x.those(commandLogs),
		Request: func(r *http.Request, act func()) error {
			mu.Lock()
			defer mu.Unlock()
			if cursor := last[askedID(r)]; cursor != "" && !r.URL.Query().Has("cursor") {
				act()
				r.URL.RawQuery = url.Values{"cursor": {cursor}}.Encode()
			}
			return nil
		},
		Response: func(res *http.Response, _ func()) error {
			mu.Lock()
			defer mu.Unlock()
			if cursor := res.Header.Get(cursorHeader); cursor != "" {
				last[askedID(res.Request)] = cursor
			}
			return nil
		},
	}
}

// sorted has all of one kind of output before the other, where the daemon keeps them apart too.
func sorted(first, second string) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		m := x.those(commandLogs).Where(func(r *http.Request) bool { return !r.URL.Query().Has("cursor") })
		return mutant.Fault{Name: commandLogs.String() + ": all of " + first + " before " + second, Match: m, Response: func(res *http.Response, act func()) error {
			kept := x.answer("/command/output/", askedID(res.Request))
			text := anyText(kept[first]) + anyText(kept[second])
			return mutant.Body(m, "", func(b []byte) []byte {
				if len(text) != len(b) {
					return b // it has written more meanwhile
				}
				return []byte(text)
			}).Response(res, act)
		}}
	}
}

// emptyLogs answers that nothing was written.
func emptyLogs(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: commandLogs.String() + ": empty for an unknown id", Match: m, Answer: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set(cursorHeader, "0")
		w.WriteHeader(http.StatusOK)
	})}
}
