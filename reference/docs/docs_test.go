package docs_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/docs"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	docs.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), body
}

func TestTheDocumentsAreServedAsTheyAre(t *testing.T) {
	for _, name := range []string{spec.LifecycleFile, spec.ExecdFile} {
		want, err := spec.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		res, got := get(t, "/docs/"+name)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/yaml" || !bytes.Equal(got, want) {
			t.Errorf("%s: %d, %s, %d bytes", name, res.StatusCode, res.Header.Get("Content-Type"), len(got))
		}
	}
}

var reference = regexp.MustCompile(`(?:href|src|data-source)="([^"]*)"`)

// Whatever a page names is here.
func TestThePagesLoadNothingFromElsewhere(t *testing.T) {
	for _, path := range []string{"/docs", "/docs/", "/docs/execd"} {
		res, page := get(t, path)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(res.Header.Get("Content-Security-Policy"), "default-src 'self';") {
			t.Fatalf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		named := reference.FindAllSubmatch(page, -1)
		if len(named) < 7 {
			t.Errorf("%s names only %q", path, named)
		}
		for _, m := range named {
			name := string(m[1])
			if name == "data:," {
				continue
			}
			if res, _ := get(t, name); res.StatusCode != 200 {
				t.Errorf("%s names %s, which answers %d", path, name, res.StatusCode)
			}
		}
	}
	if _, renderer := get(t, "/docs/redoc.standalone.js"); bytes.Contains(renderer, []byte("cdn.redoc.ly")) {
		t.Error("the renderer loads from elsewhere; see renew-redoc")
	}
	if res, _ := get(t, "/docs/nowhere"); res.StatusCode != 404 {
		t.Errorf("an unknown page: %d", res.StatusCode)
	}
}
