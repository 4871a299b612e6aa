package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeErrorMutants tell exceptions wrongly.
func codeErrorMutants() []Mutant {
	told := func(what string, change func(detail map[string]any)) mutant.Fault {
		return mutant.ChangeEvent(runCode, "error", what, func(e map[string]any) {
			if detail, ok := e["error"].(map[string]any); ok {
				change(detail)
			}
		})
	}
	put := func(property string, value any) func(map[string]any) {
		return func(detail map[string]any) { detail[property] = value }
	}
	text := func(property string, change func(string) string) func(map[string]any) {
		return func(detail map[string]any) { detail[property] = change(fmt.Sprint(detail[property])) }
	}
	return slices.Concat(
		breaks("EX-CODE-17",
			mutant.ChangeEvent(runCode, "error", "an exception ends in execution_complete", toComplete),
			inStderr(),
			told("ename is Exception", put("ename", "Exception")),
			told("ename as for commands", put("ename", "CommandExecError")),
			told("ename with its module", text("ename", func(s string) string { return "builtins." + s })),
			told("no evalue", put("evalue", "")),
			told("evalue with the class before it", func(d map[string]any) { d["evalue"] = fmt.Sprintf("%v: %v", d["ename"], d["evalue"]) }),
			told("evalue in quotes", text("evalue", func(s string) string { return "'" + s + "'" })),
			told("evalue as an exit status", put("evalue", "1")),
			told("ename and evalue the other way round", func(d map[string]any) { d["ename"], d["evalue"] = d["evalue"], d["ename"] }),
			told("the first word of the message alone", text("evalue", func(s string) string {
				first, _, _ := strings.Cut(s, " ")
				return first
			})),
		),
		breaks("EX-CODE-18",
			told("an empty traceback", put("traceback", []string{})),
			told("an empty traceback where the code can't be parsed", func(d map[string]any) {
				if d["ename"] == "SyntaxError" {
					d["traceback"] = []string{}
				}
			}),
		),
	)
}

// inStderr prints an exception, and ends well.
func inStderr() mutant.Fault {
	return framewise(runCode, "an exception is printed, and no more", func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if !f.Is("error") {
				return []mutant.Frame{f}
			}
			act()
			detail, _ := f.Event["error"].(map[string]any)
			lines, _ := detail["traceback"].([]any)
			return []mutant.Frame{
				stamped(map[string]any{"type": "stderr", "text": fmt.Sprintln(lines...)}, f),
				stamped(map[string]any{"type": "execution_complete", "execution_time": 1}, f),
			}
		}
	})
}
