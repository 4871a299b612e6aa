package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockedBuffer is a log that a server writes to while a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, h http.Handler, c httpapi.Config) (*httptest.Server, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	s := httptest.NewServer(httpapi.Wrap(h, c))
	t.Cleanup(s.Close)
	return s, log
}

// raw sends bytes as they are and reads one answer; with half it closes its sending side first.
func raw(t *testing.T, s *httptest.Server, request string, half bool) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if half {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func post(body string) string {
	return fmt.Sprintf("POST /x HTTP/1.1\r\nHost: h\r\nKey: k1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestWhatIsRefusedBeforeTheHandler(t *testing.T) {
	reached := false
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
	}), httpapi.Config{KeyHeader: "Key", Keys: []string{"k1", "k2"}, MaxJSONBody: 1000, BodyTimeout: 200 * time.Millisecond})

	for _, c := range []struct {
		name, request string
		half          bool
		status        int
		code          string
	}{
		{"no key", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", false, 401, "UNAUTHORIZED"},
		{"empty key", "GET /x HTTP/1.1\r\nHost: h\r\nKey:\r\n\r\n", false, 401, "UNAUTHORIZED"},
		{"wrong key before a bad query", "GET /x?a=%zz HTTP/1.1\r\nHost: h\r\nKey: k3\r\n\r\n", false, 401, "UNAUTHORIZED"},
		{"wrong key before the body came", "POST /x HTTP/1.1\r\nHost: h\r\nKey: k\r\nContent-Length: 9\r\n\r\n", false, 401, "UNAUTHORIZED"},
		{"bad escape in the query", "GET /x?a=%zz HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_QUERY"},
		{"semicolon in the query", "GET /x?a=1;b=2 HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_QUERY"},
		{"NUL in the query", "GET /x?a=%00 HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_QUERY"},
		{"query that is not UTF-8", "GET /x?a=%ff HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_QUERY"},
		{"NUL in the path", "GET /x%00y HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_PATH"},
		{"path that is not UTF-8", "GET /%ff HTTP/1.1\r\nHost: h\r\nKey: k1\r\n\r\n", false, 400, "INVALID_PATH"},
		{"not JSON", post("{a}"), false, 400, "INVALID_JSON"},
		{"text after the value", post(`{} x`), false, 400, "INVALID_JSON"},
		{"second value", post(`{}{}`), false, 400, "INVALID_JSON"},
		{"not UTF-8", post("{\"a\":\"\xff\"}"), false, 400, "INVALID_JSON"},
		{"too deep", post(strings.Repeat("[", 101) + strings.Repeat("]", 101)), false, 400, "INVALID_JSON"},
		{"only blanks", post("  "), false, 400, "INVALID_JSON"},
		{"too long, said so", post(strings.Repeat(" ", 1001)), false, 413, "BODY_TOO_LARGE"},
		{"too long, in chunks", "POST /x HTTP/1.1\r\nHost: h\r\nKey: k1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat(" ", 2000) + "\r\n0\r\n\r\n", false, 413, "BODY_TOO_LARGE"},
		{"cut off", strings.Replace(post(`{"a":1}`), "Length: 7", "Length: 70", 1), true, 400, "INVALID_BODY"},
		{"never complete", strings.Replace(post(`{"a":1}`), "Length: 7", "Length: 70", 1), false, 400, "INVALID_BODY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached = false
			res, body := raw(t, s, c.request, c.half)
			if res.StatusCode != c.status || reached {
				t.Errorf("status %d, handler reached %v, want %d and no handler", res.StatusCode, reached, c.status)
			}
			var e struct{ Code, Message string }
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.Code != c.code || e.Message == "" {
				t.Errorf("body %q, want code %s and a message", body, c.code)
			}
			if res.ContentLength != int64(len(body)) || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", res.Header)
			}
		})
	}
}

func TestWhatReachesTheHandlerWhole(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}), httpapi.Config{KeyHeader: "Key", Keys: []string{"k1", "k2"}, MaxJSONBody: 1000})
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for name, c := range map[string][2]string{
		"object":         {post(`{"a":"[[\"[{\\"}`), `{"a":"[[\"[{\\"}`},
		"just deep":      {post(deep), deep},
		"duplicate keys": {post(`{"a":1,"a":2}`), `{"a":1,"a":2}`},
		"no body":        {"POST /x HTTP/1.1\r\nHost: h\r\nKey: k2\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", ""},
		"empty chunks":   {"POST /x HTTP/1.1\r\nHost: h\r\nKey: k2\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
		"other type":     {"POST /x HTTP/1.1\r\nHost: h\r\nKey: k2\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n{", "{"},
		"long multipart": {"POST /x HTTP/1.1\r\nHost: h\r\nKey: k2\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("m", 2000), strings.Repeat("m", 2000)},
	} {
		t.Run(name, func(t *testing.T) {
			if res, body := raw(t, s, c[0], false); res.StatusCode != 200 || body != c[1] {
				t.Errorf("%d %q, want 200 %q", res.StatusCode, body, c[1])
			}
		})
	}
}

func TestWithoutKeysAnyoneMayCall(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), httpapi.Config{KeyHeader: "Key"})
	if res, _ := raw(t, s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false); res.StatusCode != 200 || res.ContentLength != 0 {
		t.Errorf("status %d, length %d", res.StatusCode, res.ContentLength)
	}
}

func TestPassthroughIsNotJudged(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RawQuery) }),
		httpapi.Config{KeyHeader: "Key", Keys: []string{"k"}, RequestID: true, Passthrough: func(r *http.Request) bool { return r.URL.Path == "/open" }})
	res, body := raw(t, s, "GET /open?a=%zz;b HTTP/1.1\r\nHost: h\r\n\r\n", false)
	if res.StatusCode != 200 || body != "a=%zz;b" || len(res.Header.Get("X-Request-ID")) != 36 {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
	if res, _ := raw(t, s, "GET /shut HTTP/1.1\r\nHost: h\r\n\r\n", false); res.StatusCode != 401 {
		t.Errorf("another path: %d", res.StatusCode)
	}
}

func TestKeyOnlyAsksForTheKeyAndJudgesNothingElse(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.URL.RawQuery+" "+string(body))
	}), httpapi.Config{KeyHeader: "Key", Keys: []string{"k"}, MaxJSONBody: 4, KeyOnly: func(r *http.Request) bool { return r.URL.Path == "/carried\xff" }})
	const rest = "/carried%ff?a=%zz;b HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 8\r\n"
	if res, body := raw(t, s, "POST "+rest+"Key: k\r\n\r\nnot JSON", false); res.StatusCode != 200 || body != "a=%zz;b not JSON" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	if res, body := raw(t, s, "POST "+rest+"\r\nnot JSON", false); res.StatusCode != 401 {
		t.Errorf("without the key: %d %q", res.StatusCode, body)
	}
}

func TestRequestIDIsEchoedOrMade(t *testing.T) {
	var seen string
	s, log := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = httpapi.RequestIDFrom(r.Context())
		if httpapi.RequestFrom(r.Context()) != r {
			t.Error("RequestFrom gives another request")
		}
	}), httpapi.Config{RequestID: true})
	const own = "0192f0c1-2b6e-7c3a-9f00-0123456789ab"
	for sent, echoed := range map[string]bool{own: true, "": false, "nonsense": false, "{" + own + "}": false} {
		req, _ := http.NewRequest("GET", s.URL, nil)
		req.Header.Set("X-Request-ID", sent)
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		got := res.Header.Get("X-Request-ID")
		if got != seen || len(got) != 36 || (got == sent) != echoed {
			t.Errorf("sent %q, got %q, handler saw %q", sent, got, seen)
		}
	}
	if !strings.Contains(log.String(), own) {
		t.Error("the log lacks the request id")
	}
}

func TestPanicBecomesAnErrorOrAnAbort(t *testing.T) {
	s, log := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		panic("secret detail")
	}), httpapi.Config{})
	res, body := raw(t, s, "GET /early HTTP/1.1\r\nHost: h\r\n\r\n", false)
	if res.StatusCode != 500 || !strings.Contains(body, `"INTERNAL_ERROR"`) || strings.Contains(body, "secret") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	late, err := s.Client().Get(s.URL + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Body.Close()
	if b, err := io.ReadAll(late.Body); err == nil {
		t.Errorf("a panic after the first byte looks complete: %q", b)
	}
	if !strings.Contains(log.String(), "secret detail") {
		t.Error("the log lacks the cause")
	}
}

func TestErrorsAreWrittenOnce(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", "attachment")
		httpapi.MethodNotAllowed(w, r, "GET,POST")
		httpapi.WriteError(w, httpapi.Errorf(500, "LATE", "a second one"))
	}), httpapi.Config{})
	res, body := raw(t, s, "PUT /x HTTP/1.1\r\nHost: h\r\n\r\n", false)
	if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, POST" || res.Header.Get("Content-Disposition") != "" || !strings.Contains(body, "METHOD_NOT_ALLOWED") || strings.Contains(body, "LATE") {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
}

// hider hides ReadFrom as generated code does.
type hider struct{ http.ResponseWriter }

func (h hider) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func TestTheWriterBelowStaysInReach(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789"), 100000), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		direct := httpapi.Direct(hider{w})
		if _, ok := direct.(io.ReaderFrom); !ok {
			t.Error("ReadFrom is out of reach")
		}
		if httpapi.Begun(hider{w}) {
			t.Error("begun before the first byte")
		}
		http.ServeFile(direct, r, file)
		if !httpapi.Begun(hider{w}) {
			t.Error("not begun after the last byte")
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}), httpapi.Config{})
	if res, body := raw(t, s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false); res.StatusCode != 200 || len(body) != 1000000 {
		t.Errorf("%d, %d bytes", res.StatusCode, len(body))
	}
}

func TestErrorKeepsItsCauseOffTheWire(t *testing.T) {
	cause := errors.New("cause")
	e := httpapi.Errorf(404, "NOT_FOUND", "no %s: %w", "x", cause)
	if !errors.Is(e, cause) || e.Message != "no x: cause" || e.Error() != "404 NOT_FOUND: no x: cause" {
		t.Errorf("%#v", e)
	}
}

// A connection whose body was refused unread serves the next request: net/http in full duplex would otherwise begin to
// wait for it twice.
func TestARefusedBodyDoesNotSpoilTheConnection(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") })
	srv := httptest.NewServer(httpapi.Wrap(never, httpapi.Config{KeyHeader: "Key", Keys: []string{"right"}}))
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for i := range 200 {
		resp, err := client.Post(srv.URL, "application/json", strings.NewReader(`{}`))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("request %d: %d, %v", i, resp.StatusCode, err)
		}
	}
}
