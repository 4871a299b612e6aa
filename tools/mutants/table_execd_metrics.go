package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations of execd that measure.
var (
	getMetrics   = mutant.Op("GET", "/metrics")
	watchMetrics = mutant.Op("GET", "/metrics/watch")
)

// Measured properties, and what older clients call three of them.
var (
	measured   = []string{"cpu_count", "cpu_used_pct", "mem_total_mib", "mem_used_mib", "timestamp"}
	olderNames = map[string]string{"cpu_used_pct": "cpu_used_percentage", "mem_total_mib": "memory_total_in_mib", "mem_used_mib": "memory_used_in_mib"}
)

// measure changes a measurement.
type measure func(m map[string]any)

// figure reads a property of a measurement.
func figure(m map[string]any, property string) float64 {
	n, _ := m[property].(json.Number)
	v, _ := n.Float64() // 0 where it is none
	return v
}

// put sets a property, and its older name where that is there.
func put(m map[string]any, property string, value any) {
	m[property] = value
	if _, there := m[olderNames[property]]; there {
		m[olderNames[property]] = value
	}
}

func puts(property string, value any) measure {
	return func(m map[string]any) { put(m, property, value) }
}

// scaled makes another unit of a property.
func scaled(property string, factor float64) measure {
	return func(m map[string]any) { put(m, property, figure(m, property)*factor) }
}

// stamps sets another time.
func stamps(change func(ms int64) any) measure {
	return func(m map[string]any) { m["timestamp"] = change(int64(figure(m, "timestamp"))) }
}

// implausible are measurements that can't be.
var implausible = []struct {
	what   string
	change measure
}{
	{"no processors", puts("cpu_count", 0)},
	{"no memory", puts("mem_total_mib", 0)},
	{"memory in use in bytes", scaled("mem_used_mib", 1<<20)},
	{"total and use the other way round", func(m map[string]any) {
		total, used := figure(m, "mem_total_mib"), figure(m, "mem_used_mib")
		put(m, "mem_total_mib", used)
		put(m, "mem_used_mib", total)
	}},
	{"memory in use below 0", puts("mem_used_mib", -1)},
	{"processor use below 0", puts("cpu_used_pct", -0.5)},
	{"the time in seconds", stamps(func(ms int64) any { return ms / 1000 })},
	{"the time of a zone one hour ahead", stamps(func(ms int64) any { return ms + 3_600_000 })},
	{"the time since the start", stamps(func(ms int64) any { return ms % 100_000 })},
}

func metricsMutants() []Mutant {
	return slices.Concat(metricsAnswerMutants(), metricsStreamMutants())
}

func metricsAnswerMutants() []Mutant {
	var all []Mutant
	for _, property := range measured {
		all = append(all, breaks("EX-METRICS-01", mutant.DropField(getMetrics, property))...)
	}
	for _, wrong := range implausible {
		all = append(all, breaks("EX-METRICS-02", mutant.JSONBody(getMetrics, wrong.what, wrong.change))...)
	}
	older := func(what string, property string, change func(m map[string]any) any) []Mutant {
		return breaks("EX-METRICS-07", mutant.JSONBody(getMetrics, what, func(m map[string]any) { m[property] = change(m) }))
	}
	return slices.Concat(
		all,
		breaks("EX-METRICS-01",
			mutant.Status(getMetrics, 200, 203),
			mutant.ContentType(getMetrics, "text/plain; version=0.0.4"),
			mutant.SetField(getMetrics, "cpu_used_pct", "12.5%"),
			mutant.SetField(getMetrics, "mem_used_mib", nil),
			mutant.JSONBody(getMetrics, "the time as text", func(m map[string]any) {
				stamps(func(ms int64) any { return time.UnixMilli(ms).UTC().Format(time.RFC3339) })(m)
			}),
			mutant.JSON(getMetrics, "in an envelope", func(v any) any { return map[string]any{"metrics": v} }),
		),
		inSandbox(breaks("EX-METRICS-03",
			whereLimited("the memory of the host", func(limit float64) float64 { return hostMemory() }),
			whereLimited("twice the limit", func(limit float64) float64 { return 2 * limit }),
		)),
		breaks("EX-METRICS-07",
			mutant.DropField(getMetrics, "cpu_used_percentage"),
			mutant.DropField(getMetrics, "memory_total_in_mib"),
			mutant.DropField(getMetrics, "memory_used_in_mib"),
		),
		older("older name: the total in bytes", "memory_total_in_mib", func(m map[string]any) any { return figure(m, "memory_total_in_mib") * (1 << 20) }),
		older("older name: processor use as a fraction", "cpu_used_percentage", func(m map[string]any) any { return figure(m, "cpu_used_percentage")/100 + 0.001 }),
		older("older name: free memory in place of used", "memory_used_in_mib", func(m map[string]any) any { return figure(m, "mem_total_mib") - figure(m, "mem_used_mib") }),
	)
}

// whereLimited tells another total where the memory of this host's processes is limited.
func whereLimited(what string, total func(limit float64) float64) mutant.Fault {
	return mutant.JSONBody(getMetrics, "the total is "+what, func(m map[string]any) {
		if told := figure(m, "mem_total_mib"); told > 0 && told < 0.95*hostMemory() {
			put(m, "mem_total_mib", total(told))
		}
	})
}

// hostMemory is the memory of the machine in MiB; 0 if it can't be told.
func hostMemory() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseFloat(fields[1], 64) // 0 where it is none
			return kib / 1024
		}
	}
	return 0
}

// onFrames changes the measurements of a stream, which are counted from 1; none leaves one out, io.EOF ends the stream, another error cuts it.
func onFrames(what string, edit func(ctx context.Context, act func()) func(n int, f mutant.Frame) ([]mutant.Frame, error)) mutant.Fault {
	return mutant.Stream(watchMetrics, what, func(ctx context.Context, act func()) mutant.Editor {
		change, n := edit(ctx, act), 0
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			if f.Event == nil {
				return []mutant.Frame{f}, nil
			}
			n++
			return change(n, f)
		}}
	})
}
