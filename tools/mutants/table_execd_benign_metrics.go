package main

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// oddMetrics are daemons that measure in an odd and allowed way.
func oddMetrics() []mutant.Fault {
	both := mutant.Path("GET", regexp.MustCompile(`/metrics$`))
	answers := func(what string, change measure) mutant.Fault { return mutant.JSONBody(both, what, change) }
	frames := func(what string, change measure) mutant.Fault {
		return mutant.ChangeEvent(watchMetrics, "*", what, change)
	}
	return []mutant.Fault{
		answers("processor use of several processors", puts("cpu_used_pct", 199.5)),
		answers("half a processor", puts("cpu_count", 0.5)),
		answers("no processor use", puts("cpu_used_pct", 0)),
		answers("all memory in use", func(m map[string]any) { put(m, "mem_used_mib", m["mem_total_mib"]) }),
		answers("whole numbers", func(m map[string]any) {
			for _, property := range []string{"cpu_used_pct", "mem_total_mib", "mem_used_mib"} {
				put(m, property, int64(figure(m, property)))
			}
		}),
		answers("figures in exponents", func(m map[string]any) {
			put(m, "mem_total_mib", json.Number(fmt.Sprintf("%.15e", figure(m, "mem_total_mib"))))
		}),
		answers("further properties of metrics", func(m map[string]any) { m["disk_used_mib"], m["gpus"] = nil, []any{map[string]any{"id": 0}} }),
		frames("further properties of frames", func(m map[string]any) { m["disk_used_mib"] = 7.5 }),
		frames("processor use of several processors", puts("cpu_used_pct", 199.5)),
		mutant.Comments(watchMetrics, "keep-alive"),
		mutant.LineEnds(watchMetrics, "\r\n"),
		mutant.Trickle(watchMetrics, 20),
	}
}
