package command_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

func benchServer(b *testing.B, spec command.Spec) *httptest.Server {
	m := command.NewManager(command.Config{Dir: b.TempDir()})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := m.Start(spec)
		if err != nil {
			b.Error(err)
			return
		}
		out := stream.NewWriter(r.Context(), w)
		defer out.Close()
		c.Stream(r.Context(), out)
	}))
	b.Cleanup(func() {
		s.Client().CloseIdleConnections()
		m.Close()
		s.Close()
	})
	return s
}

func fetch(b *testing.B, s *httptest.Server) {
	res, err := s.Client().Get(s.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkThroughput sends 200 MB in lines of 80 bytes, beside a server that sends the same events ready made.
func BenchmarkThroughput(b *testing.B) {
	const size = 200_000_000
	line := string(bytes.Repeat([]byte("x"), 79))
	b.Run("command", func(b *testing.B) {
		file := filepath.Join(b.TempDir(), "lines")
		if err := os.WriteFile(file, bytes.Repeat([]byte(line+"\n"), size/80), 0o600); err != nil {
			b.Fatal(err)
		}
		s := benchServer(b, command.Spec{Command: "cat " + file})
		b.SetBytes(size)
		for b.Loop() {
			fetch(b, s)
		}
	})
	b.Run("prebuilt", func(b *testing.B) {
		event := []byte(`data: {"type":"stdout","timestamp":1700000000000,"text":"` + line + "\"}\n\n")
		batch := bytes.Repeat(event, 64<<10/80)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for left := size; left > 0; left -= 64 << 10 {
				_, _ = w.Write(batch)
				w.(http.Flusher).Flush()
			}
		}))
		defer s.Close()
		b.SetBytes(size)
		for b.Loop() {
			fetch(b, s)
		}
	})
}

// BenchmarkStart compares the median of a command that does nothing with that of the bare process.
func BenchmarkStart(b *testing.B) {
	median := func(b *testing.B, f func()) {
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			f()
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	}
	b.Run("command", func(b *testing.B) {
		s := benchServer(b, command.Spec{Command: "true"})
		median(b, func() { fetch(b, s) })
	})
	b.Run("exec", func(b *testing.B) {
		median(b, func() { _ = exec.Command("bash", "-c", "true").Run() })
	})
}
