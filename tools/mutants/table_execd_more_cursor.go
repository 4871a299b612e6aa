package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// logCursorMutants break the cursor of logs.
func logCursorMutants() []Mutant {
	given := commandLogs.Where(func(r *http.Request) bool { return cursorOf(r) > 0 })
	query := func(what string, change func(cursor string, q url.Values)) mutant.Fault {
		return mutant.RewriteQuery(commandLogs, what, func(q url.Values) {
			if q.Has("cursor") {
				change(q.Get("cursor"), q)
			}
		})
	}
	odd := func(test func(cursor string) bool) mutant.Match {
		return commandLogs.Where(func(r *http.Request) bool { q := r.URL.Query(); return q.Has("cursor") && test(q.Get("cursor")) })
	}
	return slices.Concat(
		breaks("EX-LOGS-03",
			mutant.DropQuery(commandLogs, "cursor"),
			query("begins a byte too early", func(cursor string, q url.Values) {
				if n, err := strconv.ParseInt(cursor, 10, 64); err == nil && n > 0 {
					q.Set("cursor", strconv.FormatInt(n-1, 10))
				}
			}),
			renamed(mutant.Body(given, "", func(b []byte) []byte { return b[min(1, len(b)):] }), commandLogs, "begins a byte too late"),
			renamed(mutant.Body(given, "", func(b []byte) []byte { return []byte(allButFirst(string(b))) }), commandLogs, "begins a line too late"),
			told(commandLogs, "its cursor is the one that was asked", func(asked, _ int64, _ []byte) int64 { return asked }),
		),
		followed("EX-LOGS-03",
			func(x *executions) mutant.Fault {
				return renamed(mutant.DropQuery(x.those(commandLogs, over), "cursor"), commandLogs, "all again when it has ended")
			},
			miscounted("characters", utf8.RuneCount),
			miscounted("lines", func(b []byte) int { return bytes.Count(b, []byte("\n")) }),
			nothingNew("all again where nothing came", func(x *executions, res *http.Response) []byte {
				return x.ask(http.MethodGet, "/command/"+url.PathEscape(askedID(res.Request))+"/logs", nil).Body.Bytes()
			}),
			nothingNew("400 where nothing came", func(_ *executions, res *http.Response) []byte {
				res.StatusCode, res.Status = http.StatusBadRequest, "400 Bad Request"
				res.Header.Set("Content-Type", "application/json")
				res.Header.Del(cursorHeader)
				return mustJSON(refusal("the cursor is at the end"))
			}),
		),
		breaks("EX-LOGS-04",
			told(given, "the length of the answer", func(_, _ int64, b []byte) int64 { return int64(len(b)) }),
			told(given, "0 where nothing came", func(_, next int64, b []byte) int64 { return next * int64(min(1, len(b))) }),
			told(given, "one less where nothing came", func(asked, next int64, b []byte) int64 {
				if len(b) == 0 {
					return asked - 1
				}
				return next
			}),
		),
		followed("EX-LOGS-04",
			func(x *executions) mutant.Fault {
				return told(x.those(commandLogs, over), "0 when it has ended", func(int64, int64, []byte) int64 { return 0 })
			},
			func(x *executions) mutant.Fault {
				return told(x.those(commandLogs, over), "-1 when it has ended", func(int64, int64, []byte) int64 { return -1 })
			},
		),
		breaks("EX-LOGS-07",
			query("a cursor that is no number is ignored", func(cursor string, q url.Values) {
				if noNumber(cursor) {
					q.Del("cursor")
				}
			}),
			query("the digits at the beginning count", func(cursor string, q url.Values) {
				if digits := leadingDigits.FindString(cursor); digits != "" && digits != cursor {
					q.Set("cursor", digits)
				}
			}),
			query("a negative cursor is 0", func(cursor string, q url.Values) {
				if negative(cursor) {
					q.Set("cursor", "0")
				}
			}),
			query("the sign of a cursor is lost", func(cursor string, q url.Values) {
				if negative(cursor) {
					q.Set("cursor", strings.TrimPrefix(cursor, "-"))
				}
			}),
			renamed(mutant.Status(odd(negative), 400, 416), commandLogs, "a negative cursor: status 416"),
			renamed(mutant.Status(odd(negative), 400, 500), commandLogs, "a negative cursor: status 500"),
			renamed(mutant.Status(odd(noNumber), 400, 422), commandLogs, "a cursor that is no number: status 422"),
			renamed(mutant.Status(odd(noNumber), 400, 500), commandLogs, "a cursor that is no number: status 500"),
		),
	)
}

var leadingDigits = regexp.MustCompile(`^\d+`)

func noNumber(cursor string) bool {
	_, err := strconv.ParseInt(cursor, 10, 64)
	return err != nil
}

func negative(cursor string) bool { return !noNumber(cursor) && strings.HasPrefix(cursor, "-") }

// cursorOf is the cursor that was asked, 0 for none.
func cursorOf(r *http.Request) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get("cursor"), 10, 64)
	if err != nil {
		return 0 // one that is out of range too
	}
	return n
}

// told changes the cursor that logs tell, from the one that was asked, the right one and the text.
func told(m mutant.Match, what string, change func(asked, next int64, text []byte) int64) mutant.Fault {
	return mutant.Fault{Name: commandLogs.String() + ": cursor: " + what, Match: m, Response: func(res *http.Response, act func()) error {
		next, err := strconv.ParseInt(res.Header.Get(cursorHeader), 10, 64)
		if err != nil {
			return nil //nolint:nilerr // an answer without one
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		res.Body = io.NopCloser(bytes.NewReader(text))
		if wrong := change(cursorOf(res.Request), next, text); wrong != next {
			act()
			res.Header.Set(cursorHeader, strconv.FormatInt(wrong, 10))
		}
		return nil
	}}
}

// miscounted tells a cursor that is counted in one thing and read in bytes.
func miscounted(what string, count func([]byte) int) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		m := x.those(commandLogs)
		f := told(m, "counted in "+what, nil)
		f.Response = func(res *http.Response, act func()) error {
			whole := x.ask(http.MethodGet, "/command/"+url.PathEscape(askedID(res.Request))+"/logs", nil).Body.Bytes()
			return told(m, "", func(_, next int64, _ []byte) int64 {
				return int64(count(whole[:min(next, int64(len(whole)))]))
			}).Response(res, act)
		}
		return f
	}
}

// nothingNew answers otherwise where nothing came since the cursor.
func nothingNew(what string, body func(x *executions, res *http.Response) []byte) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		m := x.those(commandLogs).Where(func(r *http.Request) bool { return cursorOf(r) > 0 })
		return mutant.Fault{Name: commandLogs.String() + ": " + what, Match: m, Response: func(res *http.Response, act func()) error {
			if res.StatusCode != http.StatusOK {
				return nil
			}
			return mutant.Body(m.Always(), "", func(b []byte) []byte {
				if len(b) > 0 {
					return b
				}
				return body(x, res)
			}).Response(res, act)
		}}
	}
}
