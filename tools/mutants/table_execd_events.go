package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// eventMutants break what events carry and the order in which they come.
func eventMutants() []Mutant {
	stamp := func(what string, change func(ms int64) any) mutant.Fault {
		return mutant.ChangeEvent(runCommand, "*", what, func(e map[string]any) {
			if n, ok := e["timestamp"].(json.Number); ok {
				if ms, err := n.Int64(); err == nil {
					e["timestamp"] = change(ms)
				}
			}
		})
	}
	output := map[string]any{"type": "stdout", "text": "late"}
	complete := map[string]any{"type": "execution_complete", "execution_time": 1}
	return slices.Concat(
		breaks("EX-STREAM-03",
			mutant.DropEventField(runCommand, "*", "timestamp"),
			mutant.DropEventField(runCommand, "execution_complete", "timestamp"),
			mutant.DropEventField(runCommand, "stderr", "timestamp"),
			stamp("timestamps as text", func(ms int64) any { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }),
			stamp("timestamps in seconds", func(ms int64) any { return ms / 1000 }),
			stamp("timestamps in seconds with a fraction", func(ms int64) any { return float64(ms)/1000 + 0.0005 }),
			stamp("timestamps in nanoseconds", func(ms int64) any { return ms * 1_000_000 }),
			mutant.DropEventField(runCommand, "init", "text"),
			mutant.SetEventField(runCommand, "init", "text", ""),
			mutant.DropEventField(runCommand, "stdout", "text"),
			mutant.DropEventField(runCommand, "stderr", "text"),
			mutant.SetEventField(runCommand, "stdout", "text", nil),
			mutant.DropEventField(runCommand, "*", "type"),
			mutant.SetEventField(runCommand, "execution_complete", "execution_time", "6 ms"),
			mutant.DropEventField(runCommand, "error", "error"),
			mutant.DropEventField(runCommand, "error", "error.ename"),
			mutant.SetEventField(runCommand, "error", "error.traceback", nil),
			mutant.SetEventField(runCommand, "error", "error.traceback", "exit status 3"),
			mutant.SetEventField(runCommand, "error", "error.evalue", 3),
		),
		breaks("EX-STREAM-04",
			mutant.DropEvent(runCommand, "init"),
			mutant.DuplicateEvent(runCommand, "init"),
			mutant.SwapOrder(runCommand, "init", "stdout"),
			mutant.DropEvent(runCommand, "execution_complete"),
			mutant.DropEvent(runCommand, "error"),
			mutant.DuplicateEvent(runCommand, "execution_complete"),
			afterEnd("execution_complete after error", "error", complete),
			afterEnd("output after the end", "execution_complete", output),
			afterEnd("a status after the end", "execution_complete", map[string]any{"type": "status", "text": "done"}),
			beforeEnd("a result of a command", map[string]any{"type": "result", "results": map[string]any{"text": "x", "text/plain": "x"}}),
			lastOf(foreground, "stdout", "the last line behind the end", behindEnd), // nobody waits for the reader of output
		),
	)
}

// afterEnd sends one more event behind those of a type, with their timestamp.
func afterEnd(what, eventType string, event map[string]any) mutant.Fault {
	return framewise(runCommand, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if !f.Is(eventType) {
				return []mutant.Frame{f}
			}
			act()
			return []mutant.Frame{f, stamped(event, f)}
		}
	})
}

// livenessMutants send things late.
func livenessMutants() []Mutant {
	return slices.Concat(
		breaks("EX-STREAM-06", mutant.HoldEvent(runCommand, "init", 6*time.Second)),
		breaks("EX-STREAM-07",
			mutant.Buffered(foreground),
			heldBack("stdout"), heldBack("stderr"),
			atTheEnd("stdout"), atTheEnd("stderr"),
			firstHeld("stdout", 4*time.Second),
		),
		breaks("EX-STREAM-14", mutant.HoldEvent(runCommand, "init", 700*time.Millisecond)),
		breaks("EX-STREAM-15",
			mutant.HoldEvent(foreground, "stdout", 700*time.Millisecond),
			mutant.HoldEvent(foreground, "stderr", 700*time.Millisecond),
		),
		[]Mutant{misbehaves("EX-STREAM-15", "a prompt waits for its line end", "POST", "/command", filtered(redirected, wholeLines))},
	)
}

// firstHeld sends the first event of a type late.
func firstHeld(eventType string, d time.Duration) mutant.Fault {
	return mutant.Stream(foreground, "the first of "+eventType+" late by "+d.String(), func(ctx context.Context, act func()) mutant.Editor {
		held := false
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			if !held && f.Is(eventType) {
				act()
				held = true
				return []mutant.Frame{f}, pass(ctx, d)
			}
			return []mutant.Frame{f}, nil
		}}
	})
}

// pass lets time pass; an error says that the exchange has ended.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// heldBack sends each event of a type when the next event comes.
func heldBack(eventType string) mutant.Fault {
	return framewise(foreground, eventType+" one event late", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			before := held
			held = nil
			if f.Is(eventType) {
				act()
				held = []mutant.Frame{f}
				return before
			}
			return append(before, f)
		}
	})
}

// atTheEnd gathers the events of a type and sends them before the last event.
func atTheEnd(eventType string) mutant.Fault {
	return framewise(foreground, eventType+" at the end", func(act func()) func(mutant.Frame) []mutant.Frame {
		var held []mutant.Frame
		return func(f mutant.Frame) []mutant.Frame {
			switch {
			case f.Is(eventType):
				act()
				held = append(held, f)
				return nil
			case isLast(f):
				return append(held, f)
			}
			return []mutant.Frame{f}
		}
	})
}
