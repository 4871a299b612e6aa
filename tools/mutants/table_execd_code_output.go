package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeOutputMutants lose, change or delay what code writes.
func codeOutputMutants() []Mutant {
	text := textsOf(runCode)
	return slices.Concat(
		breaks("EX-CODE-19",
			lastLost(runCode, "stdout"), lastLost(runCode, "stderr"),
			onCode(numbered("stdout", "the first is lost", func(n int) bool { return n == 1 })),
			mutant.DropEvent(runCode, "stderr"),
			mutant.SetEventField(runCode, "stderr", "type", "stdout"),
			mutant.DuplicateEvent(runCode, "stdout"),
			lastOf(runCode, "stderr", "the last of stderr behind the end", behindEnd),
			lineUnended("stdout"),
			limited("stdout", 64<<10),
			text("stdout", "space before and behind is lost", func(s string) string { return strings.Trim(s, " \t") }),
			text("stdout", "escaped for HTML", html.EscapeString),
			text("stderr", "ASCII only", asciiOnly),
			mutant.SwapOrder(runCode, "stdout", "stdout"),
		),
		breaks("EX-CODE-20",
			mutant.Buffered(runCode),
			onCode(heldBack("stdout")), onCode(heldBack("stderr")),
			onCode(atTheEnd("stdout")), onCode(atTheEnd("stderr")),
			onCode(firstHeld("stdout", 4*time.Second)),
			mutant.HoldEvent(runCode, "stderr", 4*time.Second),
		),
	)
}

// lineUnended loses what was written last, where it has no line end.
func lineUnended(eventType string) mutant.Fault {
	return framewise(runCode, eventType+": a last line of less than 20 characters with no line end is lost", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			before := held
			held = nil
			text, _ := f.Event["text"].(string)
			switch {
			case f.Is(eventType) && !strings.HasSuffix(text, "\n") && len(text) < 20:
				held = []mutant.Frame{f}
				return before
			case isLast(f) && before != nil:
				act()
				return []mutant.Frame{f}
			}
			return append(before, f)
		}
	})
}

// limited loses what comes behind the first n bytes of a kind of output.
func limited(eventType string, n int) mutant.Fault {
	return framewise(runCode, fmt.Sprintf("no more than %d bytes of %s", n, eventType), func(act func()) func(mutant.Frame) []mutant.Frame {
		came := 0
		return func(f mutant.Frame) []mutant.Frame {
			text, _ := f.Event["text"].(string)
			if !f.Is(eventType) {
				return []mutant.Frame{f}
			}
			if came += len(text); came <= n {
				return []mutant.Frame{f}
			}
			act()
			return nil
		}
	})
}
