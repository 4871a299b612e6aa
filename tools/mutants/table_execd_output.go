package main

import (
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// outputMutants lose or change what commands wrote.
func outputMutants() []Mutant {
	text := textsOf(foreground)
	as := func(from, to string) mutant.Fault { return mutant.SetEventField(foreground, from, "type", to) }
	return slices.Concat(
		breaks("EX-STREAM-08",
			lastLost(foreground, "stdout"), lastLost(foreground, "stderr"),
			numbered("stdout", "the first line is lost", func(n int) bool { return n == 1 }),
			numbered("stdout", "line 4097 is lost", func(n int) bool { return n == 4097 }),
			numbered("stderr", "line 101 is lost", func(n int) bool { return n == 101 }),
			numbered("stdout", "nothing beyond 10000 lines", func(n int) bool { return n > 10_000 }),
			mutant.SwapOrder(foreground, "stdout", "stdout"),
			mutant.SwapOrder(foreground, "stderr", "stderr"),
			swappedAt("stdout", 5000),
			text("stdout", "lines are cut at 64 KiB", cutAt(64<<10)),
			text("stderr", "lines are cut at 64 KiB", cutAt(64<<10)),
			text("stdout", "lines are cut at 256 KiB", cutAt(256<<10)),
			scanned("stdout"),
		),
		[]Mutant{misbehaves("EX-STREAM-08", "a last line without line end is lost", "POST", "/command", filtered(redirected, lastLineLost))},
		breaks("EX-STREAM-09",
			text("stdout", "leading and trailing space is lost", trimmed),
			text("stdout", "trailing space is lost", func(s string) string { return strings.TrimRight(s, " \t") }),
			text("stdout", "tabs become spaces", func(s string) string { return strings.ReplaceAll(s, "\t", "    ") }),
			text("stdout", "escaped for HTML", html.EscapeString),
			text("stdout", "ASCII only", asciiOnly),
			text("stdout", "UTF-8 read as Latin-1", func(s string) string {
				var b strings.Builder
				for _, c := range []byte(s) {
					b.WriteRune(rune(c))
				}
				return b.String()
			}),
			text("stdout", "colours are taken out", func(s string) string { return colours.ReplaceAllString(s, "") }),
			text("stdout", "backslashes are read once more", func(s string) string { return backslash.ReplaceAllString(s, "$1") }),
			text("stderr", "leading and trailing space is lost", trimmed),
			as("stderr", "stdout"), as("stdout", "stderr"),
			mutant.DropEvent(foreground, "stderr"),
			mutant.DuplicateEvent(foreground, "stdout"),
			mutant.DuplicateEvent(foreground, "stderr"),
		),
	)
}

// trimmed is a line without the space around it; an empty line is left alone.
func trimmed(s string) string {
	if s == "\n" {
		return s
	}
	return strings.TrimSpace(s)
}

var (
	colours   = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")
	backslash = regexp.MustCompile(`\\(.)`)
)

func cutAt(n int) func(string) string {
	return func(s string) string {
		if len(s) > n {
			return s[:n]
		}
		return s
	}
}

// numbered loses events of a type by their number, counted from 1.
func numbered(eventType, what string, lost func(n int) bool) mutant.Fault {
	return framewise(foreground, eventType+": "+what, func(act func()) func(mutant.Frame) []mutant.Frame {
		n := 0
		return func(f mutant.Frame) []mutant.Frame {
			if f.Is(eventType) {
				if n++; lost(n) {
					act()
					return nil
				}
			}
			return []mutant.Frame{f}
		}
	})
}

// swappedAt swaps the nth event of a type with the one behind it.
func swappedAt(eventType string, at int) mutant.Fault {
	return framewise(foreground, "two of many lines swapped", func(act func()) func(mutant.Frame) []mutant.Frame {
		n := 0
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			if f.Is(eventType) {
				n++
			}
			switch {
			case f.Is(eventType) && n == at:
				held = []mutant.Frame{f}
				return nil
			case held != nil:
				frames := append([]mutant.Frame{f}, held...)
				if held = nil; f.Is(eventType) {
					act()
					return frames
				}
				slices.Reverse(frames)
				return frames
			}
			return []mutant.Frame{f}
		}
	})
}

// scanned reads output with a scanner that gives up at a line of more than 64 KiB.
func scanned(eventType string) mutant.Fault {
	return framewise(foreground, eventType+" ends at a line of more than 64 KiB", func(act func()) func(mutant.Frame) []mutant.Frame {
		gaveUp := false
		return func(f mutant.Frame) []mutant.Frame {
			text, _ := f.Event["text"].(string)
			if gaveUp = gaveUp || f.Is(eventType) && len(text) > 64<<10; gaveUp && f.Is(eventType) {
				act()
				return nil
			}
			return []mutant.Frame{f}
		}
	})
}

// linesJoined sends two lines in one event, as a reader of blocks does.
func linesJoined() mutant.Fault {
	return framewise(foreground, "several lines in one event", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			before := held
			held = nil
			text, _ := f.Event["text"].(string)
			switch {
			case f.Is("stdout") && before != nil:
				act()
				first, _ := before[0].Event["text"].(string)
				f.Event["text"] = strings.TrimSuffix(first, "\n") + "\n" + strings.TrimSuffix(text, "\n") + "\n"
				return []mutant.Frame{mutant.Encode(f.Event)}
			case f.Is("stdout"):
				held = []mutant.Frame{f}
				return nil
			}
			return append(before, f)
		}
	})
}

// lineSplit sends one line in two events.
func lineSplit() mutant.Fault {
	return framewise(foreground, "a line in two events", func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			text, _ := f.Event["text"].(string)
			if !f.Is("stdout") || len(text) < 4 || len(text) > 1000 {
				return []mutant.Frame{f}
			}
			act()
			half := []rune(text)
			f.Event["text"] = string(half[:len(half)/2])
			first := mutant.Encode(f.Event)
			f.Event["text"] = string(half[len(half)/2:])
			return []mutant.Frame{first, mutant.Encode(f.Event)}
		}
	})
}
