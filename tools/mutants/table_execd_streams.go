package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

var foreground = runCommand.WithBody(func(b map[string]any) bool { return b["background"] != true })

// isLast tells the last event of an execution.
func isLast(f mutant.Frame) bool { return f.Is("execution_complete") || f.Is("error") }

// framewise is a fault with a memory of its stream; edit makes what changes the frames of one.
func framewise(m mutant.Match, what string, edit func(act func()) func(mutant.Frame) []mutant.Frame) mutant.Fault {
	return mutant.Stream(m, what, func(_ context.Context, act func()) mutant.Editor {
		change := edit(act)
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) { return change(f), nil }}
	})
}

// raw changes how each event is written.
func raw(m mutant.Match, what string, write func(data []byte) []byte) mutant.Fault {
	return framewise(m, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if f.Data != nil {
				if changed := write(f.Data); !bytes.Equal(changed, f.Raw) {
					act()
					f.Raw = changed
				}
			}
			return []mutant.Frame{f}
		}
	})
}

func framingMutants() []Mutant {
	return slices.Concat(
		breaks("EX-STREAM-01",
			mutant.BareFraming(runCommand),
			mutant.BareFraming(watchMetrics),
			mutant.NoBlankLine(runCommand, "*"),
			raw(runCommand, "one JSON object a line", func(data []byte) []byte { return slices.Concat(data, []byte("\n")) }),
			raw(runCommand, "the field is named event", func(data []byte) []byte { return slices.Concat([]byte("event: "), data, []byte("\n\n")) }),
			raw(runCommand, "the field is named DATA", func(data []byte) []byte { return slices.Concat([]byte("DATA: "), data, []byte("\n\n")) }),
		),
		breaks("EX-STREAM-02",
			mutant.AppendText(runCommand, `{"code":"INTERNAL_ERROR","message":"it failed"}`),
			renamed(mutant.AppendText(runCommand, "Internal Server Error\n"), runCommand, "Internal Server Error behind the end"),
			renamed(mutant.AppendText(runCommand, "data: [DONE]\n\n"), runCommand, "data: [DONE] behind the end"),
			mutant.EditData(runCommand, "stdout", "JSON that is cut off", func(data []byte) []byte { return data[:len(data)/2] }),
			mutant.EditData(runCommand, "*", "each event in an array", func(data []byte) []byte { return slices.Concat([]byte("["), data, []byte("]")) }),
			mutant.EditData(runCommand, "*", "each event as JSON in a JSON text", func(data []byte) []byte { return mustJSON(string(data)) }),
			mutant.EditData(runCommand, "execution_complete", "two objects in one event", func(data []byte) []byte { return slices.Concat(data, data) }),
			mutant.EditData(runCommand, "*", "quotes as in Python", func(data []byte) []byte { return bytes.ReplaceAll(data, []byte(`"`), []byte(`'`)) }),
			mutant.EditData(runCommand, "init", "a byte that is not UTF-8", func(data []byte) []byte {
				return bytes.Replace(data, []byte(`{`), []byte("{\"host\":\"caf\xe9\","), 1)
			}),
			mutant.EditData(runCommand, "stdout", "bytes of the output that are not UTF-8", func(data []byte) []byte {
				data = bytes.ReplaceAll(data, []byte(`\ufffd`), []byte("\xff"))
				return bytes.ReplaceAll(data, []byte("\ufffd"), []byte("\xff"))
			}),
		),
		breaks("EX-STREAM-05",
			heldEnd(7*time.Second),
			mutant.Truncate(runCommand, "execution_complete"),
			cutBehindEnd(),
			mutant.NoBlankLine(runCommand, "execution_complete"), // a reader drops what the end of the body cuts
		),
		breaks("EX-STREAM-13", mutant.HoldEnd(runCommand, 2*time.Second)),
	)
}

// heldEnd ends the bodies of commands that failed late: few do.
func heldEnd(d time.Duration) mutant.Fault {
	return mutant.Stream(runCommand, "ends late by "+d.String()+" behind an error", func(ctx context.Context, act func()) mutant.Editor {
		failed := false
		return mutant.Editor{
			Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
				failed = failed || f.Is("error")
				return []mutant.Frame{f}, nil
			},
			End: func() []mutant.Frame {
				if failed {
					act()
					_ = pass(ctx, d) // gone is gone
				}
				return nil
			},
		}
	})
}

// cutBehindEnd leaves the body without its last chunk.
func cutBehindEnd() mutant.Fault {
	return mutant.Stream(runCommand, "cut behind the last event", func(_ context.Context, act func()) mutant.Editor {
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			if isLast(f) {
				act()
				return []mutant.Frame{f}, errors.New("cut")
			}
			return []mutant.Frame{f}, nil
		}}
	})
}

// streamStyleMutants break what is recommended for how events are written.
func streamStyleMutants() []Mutant {
	return slices.Concat(
		breaks("EX-STREAM-10",
			mutant.MultiLineData(runCommand),
			mutant.ExtraField(runCommand, "event: message"),
			mutant.ExtraField(runCommand, "id: 1"),
			mutant.ExtraField(runCommand, "retry: 3000"),
			unescaped("U+2028", "\u2028"), unescaped("U+2029", "\u2029"), unescaped("U+0085", "\u0085"),
			renamed(mutant.SetEventField(runCommand, "execution_complete", "debug", strings.Repeat("x", 5<<20)), runCommand, "an event of 5 MiB"),
		),
		breaks("EX-STREAM-11", mutant.DropEventField(runCommand, "execution_complete", "execution_time")),
		breaks("EX-STREAM-12",
			mutant.ChangeEvent(runCommand, "execution_complete", "a timestamp of 10 s ago", func(e map[string]any) { e["timestamp"] = nowMilli() - 10_000 }),
			mutant.ChangeEvent(runCommand, "init", "a timestamp 10 s ahead", func(e map[string]any) { e["timestamp"] = nowMilli() + 10_000 }),
			framewise(runCommand, "timestamps that run backwards", func(act func()) func(mutant.Frame) []mutant.Frame {
				begin, n := nowMilli(), int64(0)
				return func(f mutant.Frame) []mutant.Frame {
					if f.Event == nil {
						return []mutant.Frame{f}
					}
					if n++; n > 1 {
						act()
					}
					f.Event["timestamp"] = begin - n
					return []mutant.Frame{mutant.Encode(f.Event)}
				}
			}),
		),
		breaks("EX-STREAM-16",
			mutant.ChangeEvent(foreground, "stdout", "lines with their line end", func(e map[string]any) {
				if text, _ := e["text"].(string); text != "\n" {
					e["text"] = text + "\n"
				}
			}),
			mutant.ChangeEvent(foreground, "stderr", "lines with their line end on stderr", func(e map[string]any) {
				if text, _ := e["text"].(string); text != "\n" {
					e["text"] = text + "\n"
				}
			}),
			mutant.ChangeEvent(foreground, "stdout", "an empty line is an empty text", func(e map[string]any) {
				if e["text"] == "\n" {
					e["text"] = ""
				}
			}),
			without("stdout", "empty lines are left out", func(text string) bool { return text == "\n" }),
			linesJoined(), lineSplit(),
		),
		breaks("EX-STREAM-17",
			renamed(mutant.InjectAfter(runCommand, "init", map[string]any{"type": "status", "text": "running", "timestamp": nowMilli()}), runCommand, "a status after init"),
			beforeEnd("a status before the end", map[string]any{"type": "status", "text": "done"}),
		),
	)
}

var escape = regexp.MustCompile(`\\u(2028|2029|0085)`)

// unescaped writes one of the line separators as it is.
func unescaped(name, char string) mutant.Fault {
	return mutant.EditData(runCommand, "*", name+" is not escaped", func(data []byte) []byte {
		return escape.ReplaceAllFunc(data, func(found []byte) []byte {
			if strings.HasSuffix(name, string(found[2:])) {
				return []byte(char)
			}
			return found
		})
	})
}

// without leaves out the events of a kind of output whose text test is true of.
func without(eventType, what string, test func(text string) bool) mutant.Fault {
	return framewise(foreground, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if text, _ := f.Event["text"].(string); f.Is(eventType) && test(text) {
				act()
				return nil
			}
			return []mutant.Frame{f}
		}
	})
}

// beforeEnd sends one more event before the last, with its timestamp.
func beforeEnd(what string, event map[string]any) mutant.Fault {
	return framewise(runCommand, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if !isLast(f) {
				return []mutant.Frame{f}
			}
			act()
			return []mutant.Frame{stamped(event, f), f}
		}
	})
}

// stamped is an event with the timestamp of another.
func stamped(event map[string]any, like mutant.Frame) mutant.Frame {
	with := map[string]any{"timestamp": like.Event["timestamp"]}
	for k, v := range event {
		with[k] = v
	}
	return mutant.Encode(with)
}
