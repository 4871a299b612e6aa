package main

import "github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"

// textsOf changes the texts of a type of event in the streams of an operation.
func textsOf(m mutant.Match) func(eventType, what string, change func(string) string) mutant.Fault {
	return func(eventType, what string, change func(string) string) mutant.Fault {
		return mutant.ChangeEvent(m, eventType, eventType+": "+what, func(e map[string]any) {
			if text, ok := e["text"].(string); ok {
				e["text"] = change(text)
			}
		})
	}
}

// lastOf does something else with the last event of a type, when the end comes.
func lastOf(m mutant.Match, eventType, what string, at func(held, end mutant.Frame) []mutant.Frame) mutant.Fault {
	return framewise(m, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			switch {
			case f.Is(eventType):
				before := held
				held = []mutant.Frame{f}
				return before
			case isLast(f) && held != nil:
				act()
				return at(held[0], f)
			}
			return []mutant.Frame{f}
		}
	})
}

// What lastOf does.
func endAlone(_, end mutant.Frame) []mutant.Frame     { return []mutant.Frame{end} }
func behindEnd(held, end mutant.Frame) []mutant.Frame { return []mutant.Frame{end, held} }

func lastLost(m mutant.Match, eventType string) mutant.Fault {
	return lastOf(m, eventType, "the last of "+eventType+" is lost", endAlone)
}
