package main

import (
	"os"
	"slices"
	"testing"
	"time"
)

// BenchmarkExecd measures the binary over real sockets, each work in turns with its reference, so that a busy machine
// hits both alike. The order matters: the last ones look at what the others left.
func BenchmarkExecd(b *testing.B) {
	d := startDaemon(b)
	bare := startBare(b)
	for _, work := range []struct {
		name string
		run  func(b *testing.B)
	}{
		{"start", func(b *testing.B) { benchStart(b) }},
		{"size", func(b *testing.B) { benchSize(b) }},
		{"rest", func(b *testing.B) { benchRest(b) }},
		{"command", func(b *testing.B) { benchCommand(b, d) }},
		{"line", func(b *testing.B) { benchLine(b, d) }},
		{"stdout-2bytes", func(b *testing.B) { benchStdout(b, d, bare, "y", 20<<20) }},
		{"stdout-80bytes", func(b *testing.B) { benchStdout(b, d, bare, line79, 200_000_000) }},
		{"upload", func(b *testing.B) { benchUpload(b, d, bare) }},
		{"download", func(b *testing.B) { benchDownload(b, d, bare) }},
		{"search", func(b *testing.B) { benchSearch(b, d) }},
		{"commands-at-once", func(b *testing.B) { benchAtOnce(b, d) }},
		{"python", func(b *testing.B) { benchCode(b, d, "python", "1+1") }},
		{"bash", func(b *testing.B) { benchCode(b, d, "bash", ":") }},
		{"javascript", func(b *testing.B) { benchCode(b, d, "javascript", "1+1") }},
		{"python-cold", func(b *testing.B) { benchCold(b, d) }},
		{"after", func(b *testing.B) { benchAfter(b, d) }},
	} {
		b.Run(work.name, func(b *testing.B) {
			work.run(b)
			b.ReportMetric(0, "ns/op") // says nothing: an iteration holds many turns, and the reference's too
		})
	}
}

// rounds is how often something long is measured.
const rounds = 5

// pairs measures two things in turns, after one turn of each that does not count.
func pairs(n int, ours, bare func() time.Duration) (a, b []time.Duration) {
	for i := range n + 1 {
		x, y := ours(), bare()
		if i > 0 {
			a, b = append(a, x), append(b, y)
		}
	}
	return a, b
}

// timed is how long f takes.
func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// quantile is in ms; q is from 0 to 1.
func quantile(d []time.Duration, q float64) float64 {
	d = slices.Sorted(slices.Values(d))
	return ms(d[min(len(d)-1, int(q*float64(len(d))))])
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// rate is in MB/s, of the median.
func rate(bytes int64, d []time.Duration) float64 { return float64(bytes) / 1e3 / quantile(d, 0.5) }

func TestMain(m *testing.M) {
	if os.Getenv(bareVariable) != "" {
		serveBare()
		return
	}
	os.Exit(m.Run())
}
