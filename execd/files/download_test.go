package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// downloads serves files as the daemon does: ?path=, and ?lines=offset,limit.
func downloads(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(httpapi.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Query().Get("path")
		var err error
		if lines := r.URL.Query().Get("lines"); lines != "" {
			var offset, limit int
			_, _ = fmt.Sscanf(lines, "%d,%d", &offset, &limit)
			err = files.DownloadLines(w, path, offset, limit)
		} else {
			err = files.Download(w, r, path)
		}
		var answer *httpapi.Error
		switch {
		case errors.As(err, &answer):
			httpapi.WriteError(w, answer)
		case err != nil:
			httpapi.WriteError(w, httpapi.Errorf(400+int(kindOf(err)), "X", "%s", err))
		}
	}), httpapi.Config{}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *httptest.Server, path, lines string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := req.URL.Query()
	q.Set("path", path)
	q.Set("lines", lines)
	req.URL.RawQuery = q.Encode()
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func TestRanges(t *testing.T) {
	s := downloads(t)
	for _, size := range []int{1000, 1000000} { // read into memory before, and sent by the kernel
		data := bytes.Repeat([]byte("0123456789"), size/10)
		path := filepath.Join(t.TempDir(), "ten.bin")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		last := strconv.Itoa(size - 1)
		total := strconv.Itoa(size)
		for _, c := range []struct {
			header string
			status int
			from   int
			to     int // exclusive
		}{
			{"", 200, 0, size},
			{"bytes=0-99", 206, 0, 100},
			{"bytes=5-5", 206, 5, 6},
			{"bytes=100-", 206, 100, size},
			{"bytes=-100", 206, size - 100, size},
			{"BYTES = 0-99", 206, 0, 100},
			{"bytes=,0-99,", 206, 0, 100},
			{"bytes=990-99999999", 206, 990, size},
			{"bytes=990-99999999999999999999999999", 206, 990, size},
			{"bytes=-99999999", 206, 0, size},
			{"bytes=" + last + "-", 206, size - 1, size},
			{"bytes=" + total + "-", 416, 0, 0},
			{"bytes=99999999999999999999-", 416, 0, 0},
			{"bytes=-0", 416, 0, 0},
			{"bytes=" + total + "-,-0", 416, 0, 0},
			{"bytes=" + total + "-,0-1", 206, 0, 2},
			{"bytes=9-5", 200, 0, size},
			{"bytes=a-b", 200, 0, size},
			{"bytes=--5", 200, 0, size},
			{"bytes=0-1,x", 200, 0, size},
			{"bytes=", 200, 0, size},
			{"bytes=-", 200, 0, size},
			{"bytes=0-99;q=1", 200, 0, size},
			{"bytes 0-99", 200, 0, size},
			{"lines=0-99", 200, 0, size},
			{"=0-99", 200, 0, size},
			{"bytes=" + strings.Repeat("0-0,", 100), 200, 0, size},
			{"bytes=0-" + last + ",0-" + last, 200, 0, size},
		} {
			t.Run(c.header, func(t *testing.T) {
				res, body := get(t, s, path, "", "Range", c.header)
				if res.StatusCode != c.status {
					t.Fatalf("status %d, want %d", res.StatusCode, c.status)
				}
				contentRange := res.Header.Get("Content-Range")
				if c.status == 416 {
					if contentRange != "bytes */"+total || res.Header.Get("Content-Type") != "application/json" || !strings.Contains(string(body), "RANGE_NOT_SATISFIABLE") {
						t.Errorf("%v %s", res.Header, body)
					}
					return
				}
				if !bytes.Equal(body, data[c.from:c.to]) {
					t.Errorf("%d bytes, want %d to %d", len(body), c.from, c.to)
				}
				if want := fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, size); c.status == 206 && contentRange != want {
					t.Errorf("Content-Range %q, want %q", contentRange, want)
				}
				if res.ContentLength != int64(len(body)) || res.Header.Get("Content-Type") != "application/octet-stream" ||
					res.Header.Get("Content-Disposition") != `attachment; filename="ten.bin"` || res.Header.Get("Last-Modified") != "" {
					t.Errorf("headers %v", res.Header)
				}
			})
		}
		t.Run("several ranges", func(t *testing.T) {
			res, body := get(t, s, path, "", "Range", "bytes=0-1, 5-6,-3,"+total+"-")
			media, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
			if res.StatusCode != 206 || err != nil || media != "multipart/byteranges" {
				t.Fatalf("%d %v", res.StatusCode, res.Header)
			}
			parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
			for _, want := range []string{"01", "56", "789"} {
				part, err := parts.NextPart()
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := io.ReadAll(part); string(got) != want || part.Header.Get("Content-Range") == "" {
					t.Errorf("%q %v, want %q", got, part.Header, want)
				}
			}
		})
		t.Run("no condition can hold", func(t *testing.T) {
			res, body := get(t, s, path, "", "Range", "bytes=0-1", "If-Range", `"x"`, "If-None-Match", "*", "If-Match", `"y"`, "If-Modified-Since", "Tue, 01 Jan 2030 00:00:00 GMT")
			if res.StatusCode != 200 || len(body) != size {
				t.Errorf("%d, %d bytes", res.StatusCode, len(body))
			}
		})
	}
}

func TestAnEmptyFile(t *testing.T) {
	s := downloads(t)
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for header, status := range map[string]int{"": 200, "bytes=0-": 416, "bytes=-5": 200, "bytes=-0": 416} {
		if res, body := get(t, s, path, "", "Range", header); res.StatusCode != status || status == 200 && (len(body) != 0 || res.ContentLength != 0) {
			t.Errorf("%q: %d %q", header, res.StatusCode, body)
		}
	}
	if res, body := get(t, s, path, "1,5"); res.StatusCode != 200 || len(body) != 0 || res.ContentLength != 0 {
		t.Errorf("lines: %d %q", res.StatusCode, body)
	}
}

func TestWhatIsNoFileIsRefusedAndNeverWaitedFor(t *testing.T) {
	s := downloads(t)
	dir := oddities(t)
	for path, kind := range map[string]fault.Kind{
		dir:                     fault.Invalid,
		dir + "/fifo":           fault.Invalid,
		dir + "/socket":         fault.Invalid,
		dir + "/loop":           fault.Invalid,
		"/dev/zero":             fault.Invalid,
		"/dev/stdin":            fault.Invalid,
		dir + "/none":           fault.Missing,
		dir + "/dangling":       fault.Missing,
		dir + "/file/x":         fault.Missing,
		"":                      fault.Invalid,
		"/proc/self/mem":        fault.Invalid,
		"/proc/self/clear_refs": fault.Invalid, // may only be written
	} {
		for _, lines := range []string{"", "1,1"} {
			res, body := get(t, s, path, lines)
			if res.StatusCode != 400+int(kind) || !strings.Contains(string(body), `"code"`) {
				t.Errorf("%q, lines %q: %d %.200s", path, lines, res.StatusCode, body)
			}
		}
	}
	if res, body := get(t, s, dir+"/link", ""); res.StatusCode != 200 || string(body) != "content" {
		t.Errorf("a link: %d %q", res.StatusCode, body)
	}
}

// TestAFileThatHasNoEndIsNotWaitedFor reads what the kernel has to say, perhaps nothing yet: a reader would wait.
func TestAFileThatHasNoEndIsNotWaitedFor(t *testing.T) {
	s := downloads(t)
	for range 2 {
		res, err := s.Client().Get(s.URL + "?path=/proc/kmsg")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, res.Body) // broken off where it said much: it must not look complete
		res.Body.Close()
		if res.StatusCode != 200 && res.StatusCode != 400+int(fault.Invalid) || res.StatusCode != 200 && err != nil {
			t.Errorf("%d %v", res.StatusCode, err)
		}
	}
}

func TestFilesThatDoNotKnowTheirSize(t *testing.T) {
	s := downloads(t)
	for _, path := range []string{"/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/kallsyms"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Logf("not on this machine: %v", err)
			continue
		}
		if res, body := get(t, s, path, ""); res.StatusCode != 200 || !bytes.Equal(body, want) {
			t.Errorf("%s: %d, %d bytes, want %d", path, res.StatusCode, len(body), len(want))
		}
	}
	if res, body := get(t, s, "/proc/version", "", "Range", "bytes=0-4"); res.StatusCode != 206 || string(body) != "Linux" {
		t.Errorf("a range: %d %q", res.StatusCode, body)
	}
}

func TestNamesInContentDisposition(t *testing.T) {
	s := downloads(t)
	for name, want := range map[string]string{
		"a b.txt":   `attachment; filename="a b.txt"`,
		`q"uo\te`:   `attachment; filename="q\"uo\\te"`,
		"übung.txt": `attachment; filename*=utf-8''%C3%BCbung.txt`,
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if res, _ := get(t, s, path, ""); res.Header.Get("Content-Disposition") != want {
			t.Errorf("%s: %s", name, res.Header.Get("Content-Disposition"))
		}
	}
}

func FuzzRangesNeverLie(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-1", "bytes=5-", "bytes=1-2,4-5", "x=1", "bytes=9-1"} {
		f.Add(seed, uint16(10))
	}
	path := filepath.Join(f.TempDir(), "f")
	f.Fuzz(func(t *testing.T, header string, size uint16) {
		data := bytes.Repeat([]byte("x"), int(size))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Range"] = []string{header}
		w := httptest.NewRecorder()
		err := files.Download(w, r, path)
		var e *httpapi.Error
		switch {
		case errors.As(err, &e):
			if e.Status != 416 || e.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%q of %d: %+v", header, size, e)
			}
		case err != nil:
			t.Error(err)
		case w.Code == 206 && w.Header().Get("Content-Range") != "":
			var a, b, n int
			if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &a, &b, &n); err != nil || n != int(size) || b >= n || b-a+1 != w.Body.Len() {
				t.Errorf("%q of %d: %v, %d bytes", header, size, w.Header(), w.Body.Len())
			}
		case w.Code == 200 && w.Body.Len() != int(size), w.Code != 200 && w.Code != 206:
			t.Errorf("%q of %d: %d, %d bytes", header, size, w.Code, w.Body.Len())
		}
	})
}
