package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// newContext makes one, and gives its id.
func newContext(b *testing.B, d *server, language string) (id string, built bool) {
	text, built := d.whole(b, "POST", "/code/context", `{"language":"`+language+`"}`)
	if !built {
		return "", false
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
		b.Fatalf("%q: %v", text, err)
	}
	return made.ID, true
}

func runCode(b *testing.B, d *server, id, language, code string) (built bool) {
	request, err := json.Marshal(map[string]any{"code": code, "context": map[string]string{"id": id, "language": language}})
	if err != nil {
		b.Fatal(err)
	}
	text, built := d.whole(b, "POST", "/code", string(request))
	if built && !strings.Contains(text, "execution_complete") {
		b.Fatalf("%s", text)
	}
	return built
}

// benchCode measures a call in a context that has run before.
func benchCode(b *testing.B, d *server, language, code string) {
	id, built := newContext(b, d, language)
	if !built {
		return
	}
	var took []time.Duration
	for range 20 {
		if !runCode(b, d, id, language, code) {
			return
		}
	}
	for range 300 * b.N {
		took = append(took, timed(func() { runCode(b, d, id, language, code) }))
	}
	b.ReportMetric(quantile(took, 0.5), "p50-ms")
	b.ReportMetric(quantile(took, 0.99), "p99-ms")
	d.whole(b, "DELETE", "/code/contexts/"+id, "")
}

// benchCold measures from the wish for a context to the first result in it.
func benchCold(b *testing.B, d *server) {
	built := true
	var ours, bare []time.Duration
	for range b.N {
		x, y := pairs(2*rounds,
			func() time.Duration {
				id := ""
				took := timed(func() {
					if id, built = newContext(b, d, "python"); built {
						built = runCode(b, d, id, "python", "1+1")
					}
				})
				if built {
					d.whole(b, "DELETE", "/code/contexts/"+id, "")
				}
				return took
			},
			func() time.Duration {
				return timed(func() {
					if out, err := exec.Command("python3", "-c", "1+1").CombinedOutput(); err != nil {
						b.Fatalf("%s %v", out, err)
					}
				})
			})
		ours, bare = append(ours, x...), append(bare, y...)
	}
	if built {
		b.ReportMetric(quantile(ours, 0.5), "ms")
		b.ReportMetric(quantile(bare, 0.5), "bare-ms")
	}
}
