package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeOutputMutants lose, change or delay what code writes.
func codeOutputMutants() []Mutant {
	text := func(eventType, what string, change func(string) string) mutant.Fault {
		return mutant.ChangeEvent(runCode, eventType, eventType+": "+what, func(e map[string]any) {
			if text, ok := e["text"].(string); ok {
				e["text"] = change(text)
			}
		})
	}
	return slices.Concat(
		breaks("EX-CODE-19",
			onCode(lastLost("stdout")), onCode(lastLost("stderr")),
			onCode(numbered("stdout", "the first is lost", func(n int) bool { return n == 1 })),
			mutant.DropEvent(runCode, "stderr"),
			mutant.SetEventField(runCode, "stderr", "type", "stdout"),
			mutant.DuplicateEvent(runCode, "stdout"),
			onCode(behindEnd("stderr")),
			lineUnended("stdout"),
			limited("stdout", 64<<10),
			text("stdout", "space before and behind is lost", func(s string) string { return strings.Trim(s, " \t") }),
			text("stdout", "escaped for HTML", html.EscapeString),
			text("stderr", "ASCII only", func(s string) string {
				return strings.Map(func(r rune) rune {
					if r > unicode.MaxASCII {
						return '?'
					}
					return r
				}, s)
			}),
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

// behindEnd sends the last event of a type behind the end.
func behindEnd(eventType string) mutant.Fault {
	return framewise(runCode, "the last of "+eventType+" behind the end", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			switch {
			case f.Is(eventType):
				before := held
				held = []mutant.Frame{f}
				return before
			case isLast(f) && held != nil:
				act()
				return []mutant.Frame{f, held[0]}
			}
			return []mutant.Frame{f}
		}
	})
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
