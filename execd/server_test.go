package execd_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "t0ken"

func newServer(t *testing.T, token string) *httptest.Server {
	t.Helper()
	api, err := execd.New(execd.Config{Token: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api)
	t.Cleanup(func() {
		s.Client().CloseIdleConnections()
		api.Close()
		s.Close()
	})
	return s
}

// request writes one as it is; headers are lines without their end.
func request(line, body string, headers ...string) string {
	r := line + " HTTP/1.1\r\nHost: h\r\n"
	for _, h := range headers {
		r += h + "\r\n"
	}
	if body != "" {
		r += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return r + "\r\n" + body
}

// exchange sends bytes on a connection of their own and reads one answer.
func exchange(t *testing.T, s *httptest.Server, send string, half bool) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { // an early answer may come while this still writes
		_, _ = io.WriteString(conn, send)
		if half {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
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

func TestEveryBadRequestIsAnswered(t *testing.T) {
	s := newServer(t, token)
	dir := t.TempDir()
	mark := filepath.Join(dir, "ran")
	const key = "X-EXECD-ACCESS-TOKEN: " + token
	const isJSON = "Content-Type: application/json"
	run := func(body string, headers ...string) string {
		return request("POST /command", body, append([]string{key, isJSON}, headers...)...)
	}
	upload := func(body string) string {
		return request("POST /files/upload", body, key, "Content-Type: multipart/form-data; boundary=b")
	}
	touch := `{"command":"touch ` + mark + `"`
	type row struct {
		name, send string
		half       bool
		status     int
		code       string
	}
	rows := []row{
		{"no key", request("GET /ping", ""), false, 401, "UNAUTHORIZED"},
		{"wrong key", request("GET /ping", "", key+"x"), false, 401, "UNAUTHORIZED"},
		{"a key of another header", request("GET /ping", "", "OPEN-SANDBOX-API-KEY: "+token), false, 401, "UNAUTHORIZED"},
		{"no key, unknown path", request("GET /nope", ""), false, 401, "UNAUTHORIZED"},
		{"no key, wrong method", request("PATCH /ping", ""), false, 401, "UNAUTHORIZED"},
		{"no key, and a body that never comes", "POST /command HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n", false, 401, "UNAUTHORIZED"},
		{"no key, and a huge body", request("POST /files/upload", strings.Repeat("x", 8<<20)), false, 401, "UNAUTHORIZED"},
		{"no key, bad query", request("GET /files/info?path=%zz", ""), false, 401, "UNAUTHORIZED"},

		{"unknown path", request("GET /nope", "", key), false, 404, "NOT_FOUND"},
		{"root", request("GET /", "", key), false, 404, "NOT_FOUND"},
		{"double slash", request("GET //ping", "", key), false, 404, "NOT_FOUND"},
		{"a path that goes up", request("GET /files/../ping", "", key), false, 404, "NOT_FOUND"},
		{"an empty id", request("GET /command/status/", "", key), false, 404, "NOT_FOUND"},
		{"wrong method", request("POST /ping", "", key), false, 405, "METHOD_NOT_ALLOWED"},
		{"OPTIONS", request("OPTIONS /command", "", key), false, 405, "METHOD_NOT_ALLOWED"},
		{"a method of nobody", request("BREW /command", "", key), false, 405, "METHOD_NOT_ALLOWED"},

		{"bad escape in the query", request("GET /files/info?path=%zz", "", key), false, 400, "INVALID_QUERY"},
		{"semicolon in the query", request("GET /files/info?path=/;x=1", "", key), false, 400, "INVALID_QUERY"},
		{"NUL in the query", request("GET /files/info?path=/%00", "", key), false, 400, "INVALID_QUERY"},
		{"NUL in the path", request("GET /command/status/%00", "", key), false, 400, "INVALID_PATH"},
		{"a parameter is missing", request("GET /files/info", "", key), false, 400, "INVALID_PARAMETER"},
		{"a parameter is empty", request("GET /files/info?path=", "", key), false, 400, "INVALID_REQUEST"},
		{"a parameter is no number", request("GET /files/download?path=/etc/passwd&limit=x", "", key), false, 400, "INVALID_PARAMETER"},
		{"a parameter is too small", request("GET /files/download?path=/etc/passwd&limit=0", "", key), false, 400, "INVALID_PARAMETER"},
		{"a parameter is too large", request("GET /files/download?path=/etc/passwd&limit=99999999999999999999", "", key), false, 400, "INVALID_PARAMETER"},
		{"lines and a range", request("GET /files/download?path=/etc/passwd&limit=1", "", key, "Range: bytes=0-1"), false, 400, "INVALID_REQUEST"},
		{"a missing file", request("GET /files/download?path=/no/such", "", key), false, 404, "NOT_FOUND"},
		{"one of two files is missing", request("GET /files/info?path=/&path=/no/such", "", key), false, 404, "NOT_FOUND"},
		{"a range outside", request("GET /files/download?path=/etc/passwd", "", key, "Range: bytes=99999999-"), false, 416, "RANGE_NOT_SATISFIABLE"},

		{"no body", request("POST /command", "", key, isJSON), false, 400, "INVALID_BODY"},
		{"no body and no type", request("POST /command", "", key), false, 400, "INVALID_CONTENT_TYPE"},
		{"another type", request("POST /command", touch+"}", key, "Content-Type: text/plain"), false, 400, "INVALID_CONTENT_TYPE"},
		{"no type", request("POST /command", touch+"}", key), false, 400, "INVALID_CONTENT_TYPE"},
		{"a type that is none", request("POST /command", touch+"}", key, "Content-Type: ;"), false, 400, "INVALID_CONTENT_TYPE"},
		{"not JSON", run(touch), false, 400, "INVALID_JSON"},
		{"text after it", run(touch + "} x"), false, 400, "INVALID_JSON"},
		{"a second value", run(touch + "}{}"), false, 400, "INVALID_JSON"},
		{"not UTF-8", run(touch + `,"cwd":"` + "\xff" + `"}`), false, 400, "INVALID_JSON"},
		{"deep", run(touch + `,"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"), false, 400, "INVALID_JSON"},
		{"huge", run(touch + `,"x":"` + strings.Repeat("x", 9<<20) + `"}`), false, 413, "BODY_TOO_LARGE"},
		{"huge, in chunks", "POST /command HTTP/1.1\r\nHost: h\r\n" + key + "\r\n" + isJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n900000\r\n" + strings.Repeat("x", 9<<20) + "\r\n0\r\n\r\n", false, 413, "BODY_TOO_LARGE"},
		{"cut off half-way", strings.Replace(run(touch+"}"), "Content-Length: ", "Content-Length: 9", 1), true, 400, "INVALID_BODY"},
		{"a list", run("[]"), false, 400, "INVALID_BODY"},
		{"null", run("null"), false, 400, "INVALID_BODY"},
		{"a field is missing", run("{}"), false, 400, "INVALID_BODY"},
		{"a field is null", run(`{"command":null}`), false, 400, "INVALID_BODY"},
		{"a field of a wrong type", run(`{"command":1}`), false, 400, "INVALID_BODY"},
		{"an option of a wrong type", run(touch + `,"timeout":"1"}`), false, 400, "INVALID_BODY"},
		{"an option out of bounds", run(touch + `,"timeout":0}`), false, 400, "INVALID_BODY"},
		{"a number that is huge", run(touch + `,"timeout":1e99}`), false, 400, "INVALID_BODY"},
		{"a number with a fraction", run(touch + `,"uid":1.5}`), false, 400, "INVALID_BODY"},
		{"a negative uid", run(touch + `,"uid":-1}`), false, 400, "INVALID_BODY"},
		{"gid alone", run(touch + `,"gid":1}`), false, 400, "INVALID_REQUEST"},
		{"NUL in the command", run(`{"command":"\u0000"}`), false, 400, "INVALID_REQUEST"},
		{"envs of a wrong type", run(touch + `,"envs":{"A":1}}`), false, 400, "INVALID_BODY"},
		{"cwd is no directory", run(touch + `,"cwd":"/etc/passwd"}`), false, 400, "INVALID_REQUEST"},
		{"cwd is no directory, in the background", run(touch + `,"background":true,"cwd":"/no/such"}`), false, 400, "INVALID_REQUEST"},
		{"interrupt of an unknown command", request("DELETE /command?id=nope", "", key), false, 404, "NOT_FOUND"},
		{"interrupt of no command", request("DELETE /command", "", key), false, 400, "INVALID_PARAMETER"},
		{"status of an unknown command", request("GET /command/status/nope", "", key), false, 404, "NOT_FOUND"},
		{"output of an unknown command", request("GET /command/output/nope", "", key), false, 404, "NOT_FOUND"},
		{"logs of an unknown command", request("GET /command/nope/logs", "", key), false, 404, "NOT_FOUND"},
		{"a cursor that is no number", request("GET /command/nope/logs?cursor=x", "", key), false, 400, "INVALID_PARAMETER"},
		{"a negative cursor", request("GET /command/nope/logs?cursor=-1", "", key), false, 400, "INVALID_PARAMETER"},
		{"an empty cursor", request("GET /command/nope/logs?cursor=", "", key), false, 400, "INVALID_PARAMETER"},

		{"a session in no directory", request("POST /session", `{"cwd":"/no/such"}`, key, isJSON), false, 400, "INVALID_REQUEST"},
		{"a session in a file", request("POST /session", `{"cwd":"/etc/passwd"}`, key, isJSON), false, 400, "INVALID_REQUEST"},
		{"a session in a NUL", request("POST /session", `{"cwd":"/\u0000"}`, key, isJSON), false, 400, "INVALID_REQUEST"},
		{"a session of another type", request("POST /session", `{"cwd":1}`, key, isJSON), false, 400, "INVALID_BODY"},
		{"a session of no JSON", request("POST /session", `{`, key, isJSON), false, 400, "INVALID_JSON"},
		{"a run in an unknown session", request("POST /session/nope/run", touch+"}", key, isJSON), false, 404, "NOT_FOUND"},
		{"a run of nothing", request("POST /session/nope/run", "{}", key, isJSON), false, 400, "INVALID_BODY"},
		{"a run without a body", request("POST /session/nope/run", "", key, isJSON), false, 400, "INVALID_BODY"},
		{"a run of a wrong type", request("POST /session/nope/run", `{"command":["touch"]}`, key, isJSON), false, 400, "INVALID_BODY"},
		{"a run with a negative timeout", request("POST /session/nope/run", touch+`,"timeout":-1}`, key, isJSON), false, 400, "INVALID_BODY"},
		{"delete of an unknown session", request("DELETE /session/nope", "", key), false, 404, "NOT_FOUND"},
		{"GET of a session", request("GET /session/nope", "", key), false, 405, "METHOD_NOT_ALLOWED"},

		{"upload of JSON", request("POST /files/upload", "{}", key, isJSON), false, 400, "INVALID_CONTENT_TYPE"},
		{"upload without a boundary", request("POST /files/upload", "x", key, "Content-Type: multipart/form-data"), false, 400, "INVALID_REQUEST"},
		{"upload of another multipart", request("POST /files/upload", "x", key, "Content-Type: multipart/mixed; boundary=b"), false, 400, "INVALID_REQUEST"},
		{"upload of nothing", request("POST /files/upload", "", key, "Content-Type: multipart/form-data; boundary=b"), false, 400, "INVALID_REQUEST"},
		{"upload of no parts", upload("--b--\r\n"), false, 400, "INVALID_REQUEST"},
		{"upload that is cut off", strings.Replace(upload("--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"path\":\""+mark+"\"}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf"), "Content-Length: ", "Content-Length: 9", 1), true, 400, "INVALID_REQUEST"},
	}
	// The first connection makes what the runtime keeps.
	exchange(t, s, request("GET /ping", "", key), false)
	before := leaktest.Descriptors()
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			res, body := exchange(t, s, c.send, c.half)
			var e map[string]any
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatalf("%d %q", res.StatusCode, body)
			}
			message, _ := e["message"].(string)
			if res.StatusCode != c.status || e["code"] != c.code || message == "" || len(message) > 300 || len(e) != 2 {
				t.Errorf("%d %s, want %d %s", res.StatusCode, body, c.status, c.code)
			}
			if res.Header.Get("Content-Type") != "application/json" || res.ContentLength != int64(len(body)) {
				t.Errorf("headers %v", res.Header)
			}
			if allow := res.Header.Get("Allow"); (c.status == 405) != (allow != "") {
				t.Errorf("Allow: %q", allow)
			}
			if strings.Contains(body, "ogen") || strings.Contains(body, "jx") || strings.Contains(body, token) {
				t.Errorf("the answer speaks of what is inside: %s", body)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Fatal("it was done all the same")
			}
		})
	}
	leaktest.Eventually(t, "as many descriptors as before", func() bool { return leaktest.Descriptors() <= before })
	if res, body := exchange(t, s, request("GET /ping", "", key), false); res.StatusCode != 200 || body != "" || res.ContentLength != 0 {
		t.Errorf("ping afterwards: %d %q", res.StatusCode, body)
	}
}

func TestWhatNetHTTPAnswersItself(t *testing.T) {
	s := newServer(t, token)
	for name, send := range map[string]string{
		"bad escape in the path": "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
		"no Host":                "GET /ping HTTP/1.1\r\n\r\n",
		"no HTTP":                "hello\r\n\r\n",
	} {
		if res, _ := exchange(t, s, send, false); res.StatusCode != 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if res, _ := exchange(t, s, "GET /ping HTTP/1.1\r\nHost: h\r\nX: "+strings.Repeat("x", 2<<20)+"\r\n\r\n", false); res.StatusCode != 431 {
		t.Errorf("huge header: %d", res.StatusCode)
	}
}

func TestAClientThatStopsReadingHoldsNoOneElseUp(t *testing.T) {
	s := newServer(t, "")
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request("POST /command", `{"command":"yes"}`, "Content-Type: application/json")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it has begun; and nothing more is read
		t.Fatal(err)
	}
	for range 20 {
		if res, body := exchange(t, s, request("POST /command", `{"command":"echo x"}`, "Content-Type: application/json", "Connection: close"), false); res.StatusCode != 200 || !strings.Contains(body, `"x"`) {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
}
