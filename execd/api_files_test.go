package execd_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const asJSON = "Content-Type: application/json"

func TestFilesAndDirectoriesByHTTP(t *testing.T) {
	s := newServer(t, "")
	dir := filepath.Join(t.TempDir(), "a b&<ü>")
	q := url.QueryEscape
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, body, want string }{
		{"POST /directories", `{"DIR/x/y":{"mode":700,"owner":null,"group":null},"DIR/z":{},"DIR/x":{"mode":0}}`, ""},
		{"POST /directories", `{}`, ""},
		{"GET /directories/list?path=DIR&depth=0", "", `[]`},
		{"GET /directories/list?path=DIR/z", "", `[]`},
		{"POST /files/mv", `[{"src":"DIR/x/y","dest":"DIR/z/y"}]`, ""},
		{"POST /files/mv", `[]`, ""},
		{"GET /directories/list?path=DIR&depth=2", "", `"path":"DIR/x" "mode":755 "type":"directory" "path":"DIR/z" "path":"DIR/z/y" "mode":700`},
		{"GET /files/search?path=DIR", "", `"path":"DIR/file" "size":9 "mode":644 "type":"file"`},
		{"GET /files/search?path=DIR&pattern=*.none", "", `[]`},
		{"POST /files/replace", `{"DIR/file":{"old":"one","new":"three"}}`, ""},
		{"POST /files/replace?verbose=false", `{}`, ""},
		{"POST /files/replace?verbose=true", `{}`, `{}`},
		{"POST /files/replace?verbose=true", `{"DIR/file":{"old":"e","new":""}}`, `{"DIR/file":{"replacedCount":4}}`},
		{"POST /files/permissions", `{"DIR/file":{"mode":4711},"DIR/z":{"owner":null}}`, ""},
		{"POST /files/permissions", `{}`, ""},
		{"GET /files/info?path=DIR/file", "", `"mode":4711`},
		{"DELETE /files?path=DIR/file&path=DIR/none", "", ""},
		{"DELETE /files?path=DIR/file", "", ""},
		{"DELETE /directories?path=DIR/x&path=DIR/z", "", ""},
		{"GET /directories/list?path=DIR", "", `[]`},
	} {
		t.Run(c.line, func(t *testing.T) {
			if strings.HasPrefix(c.line, "GET /files/search") {
				if err := os.WriteFile(dir+"/file", []byte("one\nthree"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			line, body := strings.ReplaceAll(c.line, "DIR", q(dir)), strings.ReplaceAll(c.body, "DIR", dir)
			res, got := exchange(t, s, request(line, body, asJSON, "Connection: close"), false)
			if res.StatusCode != 200 {
				t.Fatalf("%d %s", res.StatusCode, got)
			}
			if c.want == "" {
				if got != "" || res.Header.Get("Content-Length") != "0" {
					t.Errorf("%q %v", got, res.Header)
				}
				return
			}
			var value any
			if err := json.Unmarshal([]byte(got), &value); err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
				t.Fatalf("%v %v", err, res.Header)
			}
			b, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
			if strings.ContainsAny(c.want[:1], "[{") {
				if want, _ := json.Marshal(json.RawMessage(strings.ReplaceAll(c.want, "DIR", dir))); got != string(want) {
					t.Errorf("%s, want %s", got, want)
				}
				return
			}
			name, _ := json.Marshal(dir)
			for part := range strings.FieldsSeq(c.want) {
				if !strings.Contains(got, strings.ReplaceAll(part, "DIR", strings.Trim(string(name), `"`))) {
					t.Errorf("no %s in %s", part, got)
				}
			}
		})
	}
}

func TestBadRequestsForFilesDoNothing(t *testing.T) {
	s := newServer(t, "")
	dir := t.TempDir()
	for _, name := range []string{"f", "g"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/d", 0o750); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line, body string
		status     int
	}{
		{"DELETE /files", "", 400},
		{"DELETE /files?path=", "", 400},
		{"DELETE /files?path=DIR/f&path=", "", 400},
		{"DELETE /files?path=DIR/f&path=DIR/d", "", 400},
		{"DELETE /files?path=DIR/f%00", "", 400},
		{"DELETE /files?path=DIR/f&path=%ff", "", 400},
		{"DELETE /directories", "", 400},
		{"DELETE /directories?path=", "", 400},
		{"DELETE /directories?path=DIR/d&path=DIR/f", "", 400},
		{"DELETE /directories?path=/", "", 400},
		{"DELETE /directories?path=%2f%2f.%2f", "", 400},
		{"GET /directories/list", "", 400},
		{"GET /directories/list?path=", "", 400},
		{"GET /directories/list?path=DIR&depth=-1", "", 400},
		{"GET /directories/list?path=DIR&depth=x", "", 400},
		{"GET /directories/list?path=DIR&depth=99999999999999999999", "", 400},
		{"GET /directories/list?path=DIR/f", "", 400},
		{"GET /directories/list?path=DIR/none", "", 404},
		{"GET /files/search", "", 400},
		{"GET /files/search?path=DIR/f", "", 400},
		{"GET /files/search?path=DIR/none", "", 404},
		{"GET /files/search?path=DIR&pattern=%5b", "", 400},
		{"POST /files/permissions", ``, 400},
		{"POST /files/permissions", `null`, 400},
		{"POST /files/permissions", `[]`, 400},
		{"POST /files/permissions", `{"DIR/f":null}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":"600"}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":600.5}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":null}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":688}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":600,"owner":7}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":600},"DIR/g":{"mode":600,"owner":"no-such-user"}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":600},"DIR/none":{"mode":600}}`, 404},
		{"POST /files/permissions", `{"DIR/f":{"mode":600},"":{"mode":600}}`, 400},
		{"POST /files/permissions", `{"DIR/f":{"mode":600},"DIR/g\u0000":{"mode":600}}`, 400},
		{"POST /files/mv", ``, 400},
		{"POST /files/mv", `null`, 400},
		{"POST /files/mv", `{}`, 400},
		{"POST /files/mv", `[null]`, 400},
		{"POST /files/mv", `[{"src":"DIR/f"}]`, 400},
		{"POST /files/mv", `[{"dest":"DIR/x"}]`, 400},
		{"POST /files/mv", `[{"src":"DIR/f","dest":7}]`, 400},
		{"POST /files/mv", `[{"src":"DIR/f","dest":""}]`, 400},
		{"POST /files/mv", `[{"src":"DIR/f","dest":"DIR/x"},{"src":"DIR/g","dest":"DIR/x"}]`, 400},
		{"POST /files/mv", `[{"src":"DIR/f","dest":"DIR/x"},{"src":"DIR/none","dest":"DIR/y"}]`, 404},
		{"POST /files/replace", ``, 400},
		{"POST /files/replace", `null`, 400},
		{"POST /files/replace", `[]`, 400},
		{"POST /files/replace", `{"DIR/f":{"old":"text"}}`, 400},
		{"POST /files/replace", `{"DIR/f":{"new":"text"}}`, 400},
		{"POST /files/replace", `{"DIR/f":{"old":"","new":"x"}}`, 400},
		{"POST /files/replace", `{"DIR/f":{"old":"text","new":null}}`, 400},
		{"POST /files/replace?verbose=perhaps", `{"DIR/f":{"old":"text","new":"x"}}`, 400},
		{"POST /files/replace?verbose=true", `{"DIR/f":{"old":"text","new":"x"},"DIR/d":{"old":"text","new":"x"}}`, 400},
		{"POST /files/replace?verbose=true", `{"DIR/f":{"old":"text","new":"x"},"DIR/none":{"old":"text","new":"x"}}`, 404},
		{"POST /directories", ``, 400},
		{"POST /directories", `null`, 400},
		{"POST /directories", `["DIR/x"]`, 400},
		{"POST /directories", `{"DIR/x":755}`, 400},
		{"POST /directories", `{"DIR/x":{"mode":9}}`, 400},
		{"POST /directories", `{"DIR/x":{"mode":755},"DIR/f":{"mode":755}}`, 400},
		{"POST /directories", `{"DIR/x":{"mode":755},"DIR/y":{"group":"no-such-group"}}`, 400},
		{"POST /directories", `{"DIR/x":{},"":{}}`, 400},
	} {
		t.Run(c.line+" "+c.body, func(t *testing.T) {
			line, body := strings.ReplaceAll(c.line, "DIR", dir), strings.ReplaceAll(c.body, "DIR", dir)
			res, got := exchange(t, s, request(line, body, asJSON, "Connection: close"), false)
			var e struct{ Code, Message string }
			if err := json.Unmarshal([]byte(got), &e); err != nil || res.StatusCode != c.status || e.Code == "" || e.Message == "" {
				t.Errorf("%d %s", res.StatusCode, got)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 3 {
				t.Fatalf("%v %v", entries, err)
			}
			for _, name := range []string{"f", "g"} {
				info, err := os.Stat(dir + "/" + name)
				if err != nil || info.Mode() != 0o640 || info.Size() != 4 {
					t.Errorf("%s became %v, %v", name, info, err)
				}
			}
		})
	}
}
