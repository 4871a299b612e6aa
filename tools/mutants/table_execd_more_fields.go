package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// statusFieldMutants break what a status says of its command.
func statusFieldMutants() []Mutant {
	content := func(what string, change func(string) string) mutant.Fault {
		return mutant.ChangeField(commandStatus, "content", what, func(v any) any {
			if text, ok := v.(string); ok {
				return change(text)
			}
			return v
		})
	}
	both := func(id any) func(map[string]any) {
		return func(b map[string]any) {
			for _, name := range []string{"id", "session"} {
				if _, there := b[name]; there {
					b[name] = id
				}
			}
		}
	}
	present := func(b map[string]any) bool { return b["running"] == true }
	past := func(b map[string]any) bool { return b["running"] == false }
	when := func(what string, test func(map[string]any) bool, change func(map[string]any)) mutant.Fault {
		return mutant.JSONBody(commandStatus, what, func(b map[string]any) {
			if test(b) {
				change(b)
			}
		})
	}
	now := func(name string) func(map[string]any) {
		return func(b map[string]any) { b[name] = time.Now().UTC().Format(time.RFC3339Nano) }
	}
	ahead := func(name string, d time.Duration) func(map[string]any) {
		return func(b map[string]any) {
			b[name] = onTime(b[name], func(at time.Time) string { return at.Add(d).Format(time.RFC3339Nano) })
		}
	}
	return slices.Concat(
		breaks("EX-STATUS-05",
			mutant.JSONBody(commandStatus, "an id of its own", both("4711")),
			mutant.ChangeField(commandStatus, "session", "is not the id", func(any) any { return "default" }),
			mutant.ChangeField(commandStatus, "id", "is not the session", func(any) any { return "1" }),
			mutant.ChangeField(commandStatus, "id", "has a prefix", func(v any) any { return "cmd:" + anyText(v) }),
			mutant.SetField(commandStatus, "session", ""),
			content("is its first word", func(s string) string { first, _, _ := strings.Cut(s, " "); return first }),
			content("is its first line", func(s string) string { first, _, _ := strings.Cut(s, "\n"); return first }),
			content("is the call of the shell", func(s string) string { return "/bin/bash -c " + s }),
			content("is cut at 32 characters", cutAt(32)),
			content("is empty", func(string) string { return "" }),
			content("is trimmed, blanks are joined", func(s string) string { return strings.Join(strings.Fields(s), " ") }),
			content("has no quotes", func(s string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(s) }),
		),
		followed("EX-STATUS-05", func(x *executions) mutant.Fault {
			return mutant.Fault{Name: commandStatus.String() + ": the newest command's, whatever the id is", Match: x.those(commandStatus, older), Request: func(r *http.Request, act func()) error {
				act()
				r.URL.Path, r.URL.RawPath = "/command/status/"+x.newest(), ""
				return nil
			}}
		}),
		breaks("EX-STATUS-06",
			when("exit code 0 while it runs", present, saying("exit_code", 0)),
			when("exit code -1 while it runs", present, saying("exit_code", -1)),
			when("finished in the year 1 while it runs", present, saying("finished_at", "0001-01-01T00:00:00Z")),
			when("finished now while it runs", present, now("finished_at")),
			when("finished when it started while it runs", present, func(b map[string]any) { b["finished_at"] = b["started_at"] }),
			when("started when it is asked", func(map[string]any) bool { return true }, now("started_at")),
			when("started 2 h later: local time as UTC", func(b map[string]any) bool { return b["started_at"] != nil }, ahead("started_at", 2*time.Hour)),
			when("started at the Unix epoch", func(map[string]any) bool { return true }, saying("started_at", "1970-01-01T00:00:00Z")),
			when("started when it finished", past, func(b map[string]any) { b["started_at"] = b["finished_at"] }),
			when("finished when it is asked", past, now("finished_at")),
			when("finished when it started", past, func(b map[string]any) { b["finished_at"] = b["started_at"] }),
			when("started and finished are swapped", past, func(b map[string]any) {
				b["started_at"], b["finished_at"] = b["finished_at"], b["started_at"]
			}),
			when("finished a day later", func(b map[string]any) bool { return past(b) && b["finished_at"] != nil }, ahead("finished_at", 24*time.Hour)),
		),
	)
}

// onTime writes a time of the API in another way; what is none stays.
func onTime(v any, write func(time.Time) string) any {
	text, _ := v.(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return v
	}
	return write(at)
}

func anyText(v any) string {
	text, _ := v.(string)
	return text
}
