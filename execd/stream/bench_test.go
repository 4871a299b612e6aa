package stream_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// BenchmarkLines sends 64 KiB reads of short and longer lines over a real socket, beside event bytes that
// are ready made. MB/s are of what the process wrote.
func BenchmarkLines(b *testing.B) {
	for _, c := range []struct{ name, line string }{{"2bytes", "y\n"}, {"80bytes", strings.Repeat("x", 79) + "\n"}} {
		read := []byte(strings.Repeat(c.line, 64<<10/len(c.line)))
		b.Run(c.name+"/stream", func(b *testing.B) {
			benchmark(b, len(read), func(w http.ResponseWriter, r *http.Request) {
				s := stream.NewWriter(r.Context(), w)
				defer s.Close()
				l := stream.NewLines(stream.Stdout)
				for range b.N {
					if err := s.Send(func(batch *stream.Batch) { l.Write(batch, read) }); err != nil {
						b.Error(err)
					}
				}
			})
		})
		b.Run(c.name+"/prebuilt", func(b *testing.B) {
			event := `data: {"type":"stdout","timestamp":1700000000000,"text":"` + strings.TrimSpace(c.line) + "\"}\n\n"
			events := bytes.Repeat([]byte(event), len(read)/len(c.line))
			benchmark(b, len(read), func(w http.ResponseWriter, _ *http.Request) {
				for range b.N {
					for part := events; len(part) > 0; {
						n := min(len(part), 256<<10)
						if _, err := w.Write(part[:n]); err != nil {
							b.Error(err)
						}
						part = part[n:]
					}
					w.(http.Flusher).Flush()
				}
			})
		})
	}
}

func benchmark(b *testing.B, size int, h http.HandlerFunc) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
}
