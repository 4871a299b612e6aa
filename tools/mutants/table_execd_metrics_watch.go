package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// metricsStreamMutants break the watch.
func metricsStreamMutants() []Mutant {
	var all []Mutant
	for _, property := range measured {
		all = append(all, breaks("EX-METRICS-04", mutant.DropEventField(watchMetrics, "*", property))...)
	}
	return slices.Concat(
		all,
		breaks("EX-METRICS-04",
			mutant.Status(watchMetrics, 200, 206),
			mutant.ContentType(watchMetrics, "application/x-ndjson"),
			mutant.ContentType(watchMetrics, "application/json"),
			mutant.SetEventField(watchMetrics, "*", "mem_total_mib", "2048"),
		),
		breaks("EX-METRICS-05",
			endsAfter(1), endsAfter(3),
			everyNth(5), // two in 8 s at most
			laterFrames("the second and later without cpu_used_pct", func(m map[string]any) { delete(m, "cpu_used_pct") }),
			laterFrames("the second and later with more memory in use than there is", scaled("mem_used_mib", 1<<20)),
			laterFrames("the second and later with the time as text", func(m map[string]any) {
				stamps(func(ms int64) any { return strconv.FormatInt(ms, 10) })(m)
			}),
			mutant.ChangeEvent(watchMetrics, "*", "the time in seconds", stamps(func(ms int64) any { return ms / 1000 })),
			firstFrame("the first with a processor use of -1", puts("cpu_used_pct", -1)),
			onFrames("in batches of twelve", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				var held []mutant.Frame
				return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
					if held = append(held, f); n%12 != 0 {
						act()
						return nil, nil
					}
					batch := held
					held = nil
					return batch, nil
				}
			}),
			onFrames("silent after the first", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
					if n > 1 {
						act()
						return nil, nil
					}
					return []mutant.Frame{f}, nil
				}
			}),
			onFrames("cut after three", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
					if n > 3 {
						act()
						return nil, errors.New("cut")
					}
					return []mutant.Frame{f}, nil
				}
			}),
		),
		breaks("EX-METRICS-06",
			everyNth(2),
			onFrames("five a second", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				return func(_ int, f mutant.Frame) ([]mutant.Frame, error) {
					act()
					frames := []mutant.Frame{f}
					for k := int64(1); k < 5; k++ {
						next := int64(figure(f.Event, "timestamp")) + k // still before the next one
						frames = append(frames, remeasured(f, func(m map[string]any) { m["timestamp"] = next }))
					}
					return frames, nil
				}
			}),
			onFrames("the timestamp stands still", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				var first any
				return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
					if n == 1 {
						first = f.Event["timestamp"]
						return []mutant.Frame{f}, nil
					}
					act()
					return []mutant.Frame{remeasured(f, func(m map[string]any) { m["timestamp"] = first })}, nil
				}
			}),
			onFrames("each second timestamp is that before", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
				var last any
				return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
					if n%2 == 0 {
						act()
						return []mutant.Frame{remeasured(f, func(m map[string]any) { m["timestamp"] = last })}, nil
					}
					last = f.Event["timestamp"]
					return []mutant.Frame{f}, nil
				}
			}),
			laterFrames("timestamps run backwards", backwards()),
		),
	)
}

// endsAfter ends the stream, as if it were over, behind n measurements.
func endsAfter(n int) mutant.Fault {
	return onFrames("ends after "+strconv.Itoa(n), func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
		return func(k int, f mutant.Frame) ([]mutant.Frame, error) {
			if k < n {
				return []mutant.Frame{f}, nil
			}
			act()
			return []mutant.Frame{f}, io.EOF
		}
	})
}

// everyNth leaves all but each nth measurement out.
func everyNth(n int) mutant.Fault {
	return onFrames("one in "+strconv.Itoa(n)+" s", func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
		return func(k int, f mutant.Frame) ([]mutant.Frame, error) {
			if k%n != 1 {
				act()
				return nil, nil
			}
			return []mutant.Frame{f}, nil
		}
	})
}

// laterFrames changes the measurements behind the first.
func laterFrames(what string, change measure) mutant.Fault { return chosenFrames(what, false, change) }

// firstFrame changes the first measurement.
func firstFrame(what string, change measure) mutant.Fault { return chosenFrames(what, true, change) }

func chosenFrames(what string, first bool, change measure) mutant.Fault {
	return onFrames(what, func(_ context.Context, act func()) func(int, mutant.Frame) ([]mutant.Frame, error) {
		return func(n int, f mutant.Frame) ([]mutant.Frame, error) {
			if first != (n == 1) {
				return []mutant.Frame{f}, nil
			}
			act()
			return []mutant.Frame{remeasured(f, change)}, nil
		}
	})
}

// remeasured is a measurement with something else in it.
func remeasured(f mutant.Frame, change measure) mutant.Frame {
	m := map[string]any{}
	for k, v := range f.Event {
		m[k] = v
	}
	change(m)
	return mutant.Encode(m)
}

// backwards gives times of which each is a little before the one before.
func backwards() measure {
	n := int64(0)
	return func(m map[string]any) {
		n++
		m["timestamp"] = nowMilli() - 2000*n
	}
}
