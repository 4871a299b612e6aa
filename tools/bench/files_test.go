package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const big = 500 << 20

// send uploads length bytes and reads the answer.
func send(b *testing.B, s *server, path, contentType string, content io.Reader, length int64) time.Duration {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.url+path, content)
	if err != nil {
		b.Fatal(err)
	}
	req.ContentLength = length
	req.Header.Set(tokenHeader, token)
	req.Header.Set("Content-Type", contentType)
	return timed(func() {
		res, err := s.client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%d %s %v", res.StatusCode, text, err)
		}
	})
}

// benchUpload writes into the directory for temporary files: TMPDIR chooses the disk.
func benchUpload(b *testing.B, d, bare *server) {
	path := filepath.Join(b.TempDir(), "upload")
	head := "--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\nContent-Type: application/json\r\n\r\n" +
		`{"path":"` + path + "\"}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	const tail = "\r\n--b--\r\n"
	var ours, copied []time.Duration
	for range b.N {
		x, y := pairs(rounds,
			func() time.Duration {
				defer os.Remove(path)
				return send(b, d, "/files/upload", "multipart/form-data; boundary=b",
					io.MultiReader(strings.NewReader(head), body(big), strings.NewReader(tail)), int64(len(head))+big+int64(len(tail)))
			},
			func() time.Duration { return send(b, bare, "/upload", "application/octet-stream", body(big), big) })
		ours, copied = append(ours, x...), append(copied, y...)
	}
	b.ReportMetric(rate(big, ours), "MBps")
	b.ReportMetric(rate(big, copied), "bare-MBps")
}

func benchDownload(b *testing.B, d, bare *server) {
	path := filepath.Join(b.TempDir(), "download")
	f, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(f, body(big))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	fetch := func(s *server, target string) time.Duration {
		return timed(func() {
			res := s.request(b.Context(), b, "GET", target, "", nil)
			defer res.Body.Close()
			if n, err := io.Copy(io.Discard, res.Body); err != nil || n != big {
				b.Fatalf("%d bytes, %v", n, err)
			}
		})
	}
	var ours, served []time.Duration
	for range b.N {
		x, y := pairs(2*rounds,
			func() time.Duration { return fetch(d, "/files/download?path="+url.QueryEscape(path)) },
			func() time.Duration { return fetch(bare, path) })
		ours, served = append(ours, x...), append(served, y...)
	}
	b.ReportMetric(rate(big, ours), "MBps")
	b.ReportMetric(rate(big, served), "bare-MBps")
}

func benchSearch(b *testing.B, d *server) {
	root := b.TempDir()
	for dir := range 500 {
		name := fmt.Sprintf("%s/d%02d/e%d", root, dir/10, dir%10)
		if err := os.MkdirAll(name, 0o755); err != nil {
			b.Fatal(err)
		}
		for file := range 100 {
			if err := os.WriteFile(fmt.Sprintf("%s/f%d.txt", name, file), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	query := "/files/search?pattern=**&path=" + url.QueryEscape(root)
	find := func() {
		res := d.request(b.Context(), b, "GET", query, "", nil)
		defer res.Body.Close()
		files := 0
		for lines := bufio.NewReaderSize(res.Body, 64<<10); ; {
			_, err := lines.ReadSlice('{') // each is an object
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			files++
		}
		if res.StatusCode != http.StatusOK || files != 50_000 {
			b.Fatalf("%d, %d files were found, want 50000", res.StatusCode, files)
		}
	}
	var ours, walked []time.Duration
	for range b.N {
		x, y := pairs(2*rounds,
			func() time.Duration { return timed(find) },
			func() time.Duration { return timed(func() { walk(b, root) }) })
		ours, walked = append(ours, x...), append(walked, y...)
	}
	b.ReportMetric(quantile(ours, 0.5), "ms")
	b.ReportMetric(quantile(walked, 0.5), "bare-ms")
}

// walk makes the calls that a search needs: FileInfo has the time of birth.
func walk(b *testing.B, root string) {
	n := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		var st unix.Statx_t
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	})
	if err != nil || n != 50_000 {
		b.Fatalf("%d files, %v", n, err)
	}
}
