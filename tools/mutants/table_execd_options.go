package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// commandOptionMutants break timeout, envs and gid of commands one by one: a deployment that ignores them all just
// lacks the capability.
func commandOptionMutants() []Mutant {
	timed := runCommand.WithBody(func(b map[string]any) bool { return b["timeout"] != nil })
	gidAlone := func(b map[string]any) bool { return b["gid"] != nil && b["uid"] == nil }
	timeout := func(what string, change func(ms int64) int64) mutant.Fault {
		return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
			if n, ok := b["timeout"].(json.Number); ok {
				if ms, err := n.Int64(); err == nil {
					b["timeout"] = change(ms)
				}
			}
		})
	}
	envs := func(what string, change func(envs map[string]any)) mutant.Fault {
		return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
			if envs, ok := b["envs"].(map[string]any); ok {
				change(envs)
			}
		})
	}
	end := func(what string, change func(map[string]any)) mutant.Fault {
		return mutant.ChangeEvent(timed, "error", what, change)
	}
	return slices.Concat(
		breaks("EX-CMD-10",
			mutant.RewriteRequestJSON(runCommand, "timeout is ignored", func(b map[string]any) { delete(b, "timeout") }),
			timeout("timeout in seconds", func(ms int64) int64 { return ms * 1000 }),
			timeout("the timeout comes 8 s late", func(ms int64) int64 { return ms + 8000 }),
			end("a timeout ends in execution_complete", toComplete),
			end("evalue 0 for a timeout", func(e map[string]any) { setEvalue(e, "0") }),
			end("evalue timeout", func(e map[string]any) { setEvalue(e, "timeout") }),
		),
		breaks("EX-CMD-11",
			envs("only the first of several variables", func(envs map[string]any) {
				for i, name := range slices.Sorted(maps.Keys(envs)) {
					if i > 0 {
						delete(envs, name)
					}
				}
			}),
			envs("a variable that is there already stays as it is", func(envs map[string]any) {
				for name := range envs {
					if _, there := os.LookupEnv(name); there {
						delete(envs, name)
					}
				}
			}),
			envs("values end at a blank", changeValues(func(value string) string {
				first, _, _ := strings.Cut(value, " ")
				return first
			})),
			envs("values end at =", changeValues(func(value string) string {
				first, _, _ := strings.Cut(value, "=")
				return first
			})),
			envs("quotes and dollars are for a shell", changeValues(func(value string) string {
				return strings.NewReplacer(`'`, "", `"`, "", "$", "", "`", "", `\`, "").Replace(value)
			})),
			envs("line feeds are lost", changeValues(func(value string) string { return strings.ReplaceAll(value, "\n", " ") })),
		),
		breaks("EX-CMD-12",
			mutant.RewriteRequestJSON(runCommand, "a gid alone is ignored", func(b map[string]any) {
				if gidAlone(b) {
					delete(b, "gid")
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "a gid alone is for uid 0", func(b map[string]any) {
				if gidAlone(b) {
					b["uid"] = 0
				}
			}),
			renamed(mutant.Status(runCommand.WithBody(gidAlone), 400, 422), runCommand, "a gid alone: status 422"),
			renamed(mutant.Status(runCommand.WithBody(gidAlone), 400, 500), runCommand, "a gid alone: status 500"),
		),
		breaks("EX-CMD-13",
			mutant.RewriteRequestJSON(timed, "a timeout ends the shell alone", func(b map[string]any) {
				if command, ok := b["command"].(string); ok {
					b["command"] = "set -m\n" + command // what the shell starts has groups of its own
				}
			}),
		),
	)
}

func changeValues(change func(string) string) func(map[string]any) {
	return func(envs map[string]any) {
		for name, value := range envs {
			if text, ok := value.(string); ok {
				envs[name] = change(text)
			}
		}
	}
}
