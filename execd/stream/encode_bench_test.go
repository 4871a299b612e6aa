package stream_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// discard takes an answer and sends nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
func (d discard) Flush()                      {}

// BenchmarkEncode is the making of events without their sending. cpu-MBps do not count the time of other programs.
func BenchmarkEncode(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"2bytes", "y\n"}, {"20bytes", strings.Repeat("x", 19) + "\n"}, {"80bytes", strings.Repeat("x", 79) + "\n"},
		{"quotes", `{"a": "b", "c": ["d\n", "e"], "f": "g"}` + "\n"}, {"umlauts", strings.Repeat("äöü ", 20) + "\n"},
	} {
		read := []byte(strings.Repeat(c.line, 64<<10/len(c.line)))
		b.Run(c.name, func(b *testing.B) {
			s := stream.NewWriter(b.Context(), discard{http.Header{}})
			defer s.Close()
			l := stream.NewLines(stream.Stdout)
			b.SetBytes(int64(len(read)))
			before := processorTime(b)
			for b.Loop() {
				if err := s.Send(func(batch *stream.Batch) { l.Write(batch, read) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(read))/1e6/(processorTime(b)-before).Seconds(), "cpu-MBps")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
