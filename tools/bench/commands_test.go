package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var line79 = strings.Repeat("x", 79)

func runBody(command string) string {
	text, _ := json.Marshal(map[string]string{"command": command})
	return string(text)
}

func bashTrue(b *testing.B) {
	if err := exec.Command("bash", "-c", "true").Run(); err != nil {
		b.Error(err)
	}
}

// benchCommand compares the whole of a command with running it.
func benchCommand(b *testing.B, d *server) {
	var ours, bare []time.Duration
	for range b.N {
		x, y := pairs(1000,
			func() time.Duration { return timed(func() { d.whole(b, "POST", "/command", `{"command":"true"}`) }) },
			func() time.Duration { return timed(func() { bashTrue(b) }) })
		ours, bare = append(ours, x...), append(bare, y...)
	}
	b.ReportMetric(quantile(ours, 0.5), "p50-ms")
	b.ReportMetric(quantile(bare, 0.5), "bare-p50-ms")
	b.ReportMetric(quantile(ours, 0.99), "p99-ms")
	b.ReportMetric(quantile(bare, 0.99), "bare-p99-ms")
}

// benchLine lets the shell write its time on a line, and looks at the clock when the line is here.
func benchLine(b *testing.B, d *server) {
	var took []time.Duration
	for range b.N {
		res := d.request(b.Context(), b, "POST", "/command", "application/json", strings.NewReader(runBody(`for ((i = 0; i < 300; i++)); do echo "t $EPOCHREALTIME"; sleep 0.003; done`)))
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			now := time.Now()
			_, text, ok := strings.Cut(lines.Text(), `"text":"t `)
			if !ok {
				continue
			}
			text, _, _ = strings.Cut(text, `"`)
			written, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64) // µs
			if err != nil {
				b.Fatalf("bash has no clock: %v", err)
			}
			took = append(took, now.Sub(time.UnixMicro(written)))
		}
		res.Body.Close()
	}
	if len(took) == 0 {
		b.Fatal("no line came")
	}
	b.ReportMetric(quantile(took, 0.5), "p50-ms")
	b.ReportMetric(quantile(took, 0.99), "p99-ms")
}

// benchStdout takes size bytes of lines from a command that writes without end, and from a handler that has the events
// ready. MB/s are of what the command wrote.
func benchStdout(b *testing.B, d, bare *server, line string, size int64) {
	wire := size / int64(len(line)+1) * int64(len(eventOf(line)))
	take := func(s *server, method, path, body string) time.Duration {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		res := s.request(ctx, b, method, path, "application/json", strings.NewReader(body))
		defer res.Body.Close()
		if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil { // it has begun
			b.Fatal(err)
		}
		return timed(func() {
			if _, err := io.CopyN(io.Discard, res.Body, wire); err != nil {
				b.Fatal(err)
			}
		})
	}
	var ours, ready []time.Duration
	for range b.N {
		x, y := pairs(rounds,
			func() time.Duration { return take(d, "POST", "/command", runBody("exec yes "+line)) },
			func() time.Duration { return take(bare, "GET", "/events?line="+url.QueryEscape(line), "") })
		ours, ready = append(ours, x...), append(ready, y...)
	}
	b.ReportMetric(rate(size, ours), "MBps")
	b.ReportMetric(rate(size, ready), "bare-MBps")
}

// benchAtOnce compares 200 commands that start together.
func benchAtOnce(b *testing.B, d *server) {
	all := func(run func()) time.Duration {
		return timed(func() {
			var group sync.WaitGroup
			for range 200 {
				group.Go(run)
			}
			group.Wait()
		})
	}
	var ours, bare []time.Duration
	for range b.N {
		x, y := pairs(2*rounds,
			func() time.Duration {
				return all(func() {
					res := d.request(b.Context(), b, "POST", "/command", "application/json", strings.NewReader(`{"command":"true"}`))
					defer res.Body.Close()
					if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), "execution_complete") {
						b.Errorf("%s %v", text, err)
					}
				})
			},
			func() time.Duration { return all(func() { bashTrue(b) }) })
		ours, bare = append(ours, x...), append(bare, y...)
	}
	b.ReportMetric(quantile(ours, 0.5), "ms")
	b.ReportMetric(quantile(bare, 0.5), "bare-ms")
}
