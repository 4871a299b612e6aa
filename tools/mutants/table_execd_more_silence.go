package main

import (
	"net/http"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// silenceMutants break the signs of life of a stream that is silent.
func silenceMutants() []Mutant {
	// signs changes each sign of life, from its number and whether the command wrote something before it.
	signs := func(what string, change func(f mutant.Frame, n int, written bool) []mutant.Frame) mutant.Fault {
		return framewise(runCommand, "signs of life: "+what, func(act func()) func(mutant.Frame) []mutant.Frame {
			n, written := 0, false
			return func(f mutant.Frame) []mutant.Frame {
				if f.Data != nil && !f.Is("ping") {
					written = written || f.Is("stdout") || f.Is("stderr")
					return []mutant.Frame{f}
				}
				n++
				frames := change(f, n, written)
				if len(frames) == 0 || string(frames[0].Raw) != string(f.Raw) {
					act()
				}
				return frames
			}
		})
	}
	but := func(lost bool, f mutant.Frame) []mutant.Frame {
		if lost {
			return nil
		}
		return []mutant.Frame{f}
	}
	return breaks("EX-STREAM-18",
		signs("none", func(mutant.Frame, int, bool) []mutant.Frame { return nil }),
		signs("after 30 s", func(f mutant.Frame, n int, _ bool) []mutant.Frame { return but(n%2 == 1, f) }),
		signs("none before the first output", func(f mutant.Frame, _ int, written bool) []mutant.Frame { return but(!written, f) }),
		signs("a blank line", func(f mutant.Frame, _ int, _ bool) []mutant.Frame {
			return []mutant.Frame{{Raw: []byte("\n")}}
		}),
		framewise(runCommand, "signs of life: held back until the next event", func(act func()) func(mutant.Frame) []mutant.Frame {
			var held []mutant.Frame
			return func(f mutant.Frame) []mutant.Frame {
				if f.Data == nil || f.Is("ping") {
					act()
					held = append(held, f)
					return nil
				}
				before := held
				held = nil
				return append(before, f)
			}
		}),
	)
}

// blameMutants blame themselves for what their callers did.
func blameMutants() []Mutant {
	unknown := mutant.Any().Where(func(r *http.Request) bool { return !knownPath.MatchString(r.URL.Path) })
	of := func(f mutant.Fault, what string) mutant.Fault { return renamed(f, f.Match, what) }
	return slices.Concat(
		breaks("EX-HTTP-04",
			mutant.Status(runCommand, 400, 500),
			mutant.Status(interruptCommand, 404, 500),
			mutant.Status(commandStatus, 404, 500),
			mutant.Status(getFile, 404, 500),
			mutant.Status(fileInfo, 404, 500),
			mutant.Status(uploadFile, 400, 500),
			of(mutant.Status(mutant.Any(), 401, 500), "a token that is not right: status 500"),
			of(mutant.Status(unknown, 404, 502), "an unknown path: status 502"),
		),
	)
}
