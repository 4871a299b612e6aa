package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

func (w *World) measurements(s *register) {
	s.step(`the metrics are plausible`, func(context.Context) error {
		if !w.last.OK() {
			return w.check(false, "there are no metrics", "200", w.answer())
		}
		return w.plausible(body(w.last), w.now())
	})
	s.step(`the total of memory is the limit of the sandbox, where it has one`, w.totalIsTheLimit)
	s.step(`the metrics are there under the older names too`, func(context.Context) error {
		o := body(w.last)
		for older, name := range olderNames {
			want, _ := o.at(name)
			got, there := o.at(older)
			if err := w.check(there && got == want, "an older name is missing, or says something else", older+" as "+name, w.shown(older)); err != nil {
				return err
			}
		}
		return nil
	})
	s.step(`I watch the metrics until (\d+) frames have come, for at most (\d+) s`, w.watch)
	s.step(`at least (\d+) frames came, each of them plausible`, func(_ context.Context, least int) error {
		if err := w.check(w.last.Left, "the stream ended by itself", "frames until the client goes away", fmt.Sprintf("its end after %d", len(w.frames))); err != nil {
			return err
		}
		if err := w.check(len(w.frames) >= least, "too few frames came", fmt.Sprintf("%d", least), fmt.Sprintf("%d%s", len(w.frames), w.why())); err != nil {
			return err
		}
		for i, frame := range w.frames {
			if err := w.plausible(frame, w.arrived[i]); err != nil {
				return err
			}
		}
		return nil
	})
	s.step(`the frames came once a second, their timestamps rising`, w.everySecond)
}

var olderNames = map[string]string{
	"cpu_used_percentage": "cpu_used_pct", "memory_total_in_mib": "mem_total_mib", "memory_used_in_mib": "mem_used_mib",
}

// plausible checks one measurement. A percentage may be of one processor or of all, and rounding is nobody's fault.
func (w *World) plausible(o object, now time.Time) error {
	number := func(name string) float64 {
		v, _ := o.at(name)
		switch v := v.(type) {
		case float64:
			return v
		case json.Number:
			f, _ := v.Float64() // what is no number is told by the document's check
			return f
		}
		return math.NaN()
	}
	cpus, used := number("cpu_count"), number("cpu_used_pct")
	total, taken := number("mem_total_mib"), number("mem_used_mib")
	const skew = 60_000 // ms; clocks of hosts differ
	for _, c := range []struct {
		kept           bool
		what, expected string
		actual         float64
	}{
		{cpus > 0 && cpus <= 100_000, "cpu_count is not plausible", "more than 0", cpus},
		{used >= 0 && used <= 110*max(1, math.Ceil(cpus))*4, "cpu_used_pct is not plausible", "0 to 100 a processor", used},
		{total > 1 && total < 1<<30, "mem_total_mib is not plausible", "more than 1 MiB", total},
		{taken > 0 && taken <= total, "mem_used_mib is not plausible", fmt.Sprintf("more than 0, at most %.0f", total), taken},
		{math.Abs(number("timestamp")-float64(now.UnixMilli())) <= skew, "the timestamp is not now",
			fmt.Sprintf("about %d", now.UnixMilli()), number("timestamp")},
	} {
		if err := w.check(c.kept, c.what, c.expected, strconv.FormatFloat(c.actual, 'f', -1, 64)); err != nil {
			return err
		}
	}
	return nil
}

// totalIsTheLimit compares the total with what the cgroup of the sandbox says, where that is less than the machine has.
func (w *World) totalIsTheLimit(ctx context.Context) error {
	said, err := w.quiet(ctx, "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -n 1; echo ' '; sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
	if err != nil {
		return err
	}
	words := strings.Fields(said)
	if len(words) != 2 {
		return &Skip{"the sandbox does not show whether it has a memory limit"}
	}
	limit, errA := strconv.ParseFloat(words[0], 64)
	host, errB := strconv.ParseFloat(words[1], 64)
	if errA != nil || errB != nil || limit >= host*1024 {
		return &Skip{"the sandbox has no memory limit"}
	}
	want := limit / (1 << 20)
	got, _ := body(w.last).at("mem_total_mib")
	total, _ := got.(float64)
	return w.check(math.Abs(total-want) <= want/100, "the total of memory is not the sandbox's", fmt.Sprintf("%.0f", want), w.shown("mem_total_mib"))
}

// watch reads frames until there are enough of them or the time is over, and hangs up.
func (w *World) watch(ctx context.Context, frames, seconds int) error {
	op, c, err := w.operation(ctx, "watchMetrics")
	if err != nil {
		return err
	}
	w.frames, w.arrived = nil, nil
	limit := time.Duration(seconds) * time.Second
	_, err = w.do(ctx, c, judge.Request{Operation: op, Limit: limit, Endless: true, OnEvent: func(e stream.Event) bool {
		w.frames, w.arrived = append(w.frames, e.Value), append(w.arrived, e.At)
		return len(w.frames) < frames
	}})
	return err
}

// everySecond allows for a busy machine, and looks at the mean.
func (w *World) everySecond(context.Context) error {
	if len(w.frames) < 3 {
		return w.check(false, "too few frames came", "at least 3", fmt.Sprint(len(w.frames)))
	}
	last := -1.0
	for _, frame := range w.frames {
		n, _ := frame["timestamp"].(json.Number)
		at, _ := n.Float64() // what is no number is told by the document's check
		if err := w.check(at > last, "timestamps do not rise strictly", fmt.Sprintf("more than %.0f", last), fmt.Sprintf("%.0f", at)); err != nil {
			return err
		}
		last = at
	}
	mean := w.arrived[len(w.arrived)-1].Sub(w.arrived[0]) / time.Duration(len(w.arrived)-1)
	kept := mean >= 500*time.Millisecond && mean <= 1500*time.Millisecond
	return w.check(kept, "frames do not come once a second", "1 s from one to the next", mean.Round(time.Millisecond).String())
}
