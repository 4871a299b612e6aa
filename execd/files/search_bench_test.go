package files_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
)

// BenchmarkSearch finds 50,000 files in 500 directories: by the handler, by Search, and, to compare, by what the
// standard library would do, which answers nothing.
func BenchmarkSearch(b *testing.B) {
	root := b.TempDir()
	for d := range 500 {
		dir := filepath.Join(root, fmt.Sprintf("d%02d", d/25), fmt.Sprintf("d%03d", d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range 100 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%03d.txt", f)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("WalkDir", func(b *testing.B) {
		for b.Loop() {
			n := 0
			_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if !e.IsDir() {
					if _, err := os.Lstat(path); err == nil {
						n++
					}
				}
				return err
			})
			if n != 50000 {
				b.Fatal(n)
			}
		}
	})
	for _, pattern := range []string{"**", "*.txt", "**/*.txt", "d03/**/*7.txt", "none"} {
		b.Run("Search/"+pattern, func(b *testing.B) {
			for b.Loop() {
				tree, err := files.Search(b.Context(), root, pattern)
				if err == nil {
					err = tree.WriteJSON(io.Discard)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("handler", func(b *testing.B) {
		s, err := execd.New(execd.Config{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		for b.Loop() {
			w := &discard{header: http.Header{}}
			s.ServeHTTP(w, httptest.NewRequest("GET", "/files/search?path="+root, nil))
			if w.written < 50000*100 {
				b.Fatal(w.written)
			}
		}
	})
}

// discard is an answer that nobody keeps.
type discard struct {
	header  http.Header
	written int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.written += len(p); return len(p), nil }
