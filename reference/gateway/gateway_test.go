package gateway_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

func TestPathAndQueryArriveByteForByte(t *testing.T) {
	address := serve(t, echoLine(t), 0)
	for _, tail := range []string{
		"/", "/a", "/a/", "/?", "/?a=1&a=2", "/?a;b", "/?a=%zz", "/?%", "/?a=b=c&&&", "/?q=%20+%2B",
		"/a%2Fb", "/a%2fb", "/%7C", "/|", "/a|b?c|d", "/a;b=c", "/../../etc", "/a/./b/../c", "/.", "/..", "/a%2e%2e/b",
		"//", "//a//b", "///", "//example.com/x", "/%25", "/%00", "/é", "/%C3%A9", "/a+b", "/a%20b", "/*", "/:80", "/@", "/a:b@c",
		"/!$&'()*+,;=", "/~", "/%7E", "/\"<>", "/{}", "/[x]", "/^`", "/\\x", "/#x", "/a?b#c", "/http://example.com/",
	} {
		for _, prefix := range []string{"/sandboxes/box/port/8000", "/sandboxes/box/proxy/8000", "/v1/sandboxes/box/port/8000", "/v1/sandboxes/box/proxy/44772"} {
			res := raw(t, address, get(prefix+tail))
			body, _ := io.ReadAll(res.Body)
			line, _, _ := strings.Cut(string(body), "\r\n")
			if want := "GET " + tail + " HTTP/1.1"; line != want {
				t.Errorf("%s: the service got %q, want %q", prefix+tail, line, want)
			}
		}
	}
	for target, want := range map[string]string{
		"/sandboxes/box/port/8000":                              "GET / HTTP/1.1",
		"/sandboxes/box/port/8000?a=1":                          "GET /?a=1 HTTP/1.1",
		"http://example.org/v1/sandboxes/box/port/8000/x%2Fy?z": "GET /x%2Fy?z HTTP/1.1",
	} {
		body, _ := io.ReadAll(raw(t, address, get(target)).Body)
		if line, _, _ := strings.Cut(string(body), "\r\n"); line != want {
			t.Errorf("%s: the service got %q, want %q", target, line, want)
		}
	}
}

func TestHeadersThatAreTheServersAreNotPassedOn(t *testing.T) {
	address := serve(t, echoLine(t), 0)
	sent := []string{"OPEN-SANDBOX-API-KEY: secret", "open-sandbox-client-ip: 10.0.0.1", "X-EXECD-ACCESS-TOKEN: wrong", "X-Own: kept", "Accept-Encoding: br", "X-Forwarded-For: 6.6.6.6"}
	for port, token := range map[string]string{"44772": "X-Execd-Access-Token: right", "8000": ""} {
		body, _ := io.ReadAll(raw(t, address, get("/sandboxes/box/port/"+port+"/", sent...)).Body)
		head := string(body)
		for _, forbidden := range []string{"secret", "Open-Sandbox", "10.0.0.1", "wrong", "User-Agent", "6.6.6.6"} {
			if strings.Contains(head, forbidden) {
				t.Errorf("port %s: the service got %q:\n%s", port, forbidden, head)
			}
		}
		for _, wanted := range []string{"X-Own: kept\r\n", "Accept-Encoding: br\r\n", "Host: example.org\r\n"} {
			if !strings.Contains(head, wanted) {
				t.Errorf("port %s: the service did not get %q:\n%s", port, wanted, head)
			}
		}
		if got := strings.Contains(head, "X-Execd-Access-Token"); got != (token != "") || !strings.Contains(head, token) {
			t.Errorf("port %s: want %q:\n%s", port, token, head)
		}
	}
}

func errorOf(t *testing.T, res *http.Response) (code string) {
	t.Helper()
	var e struct{ Code, Message string }
	if err := json.NewDecoder(res.Body).Decode(&e); err != nil || e.Code == "" || e.Message == "" {
		t.Errorf("status %d has no error body: %v", res.StatusCode, err)
	}
	if res.Header.Get("X-Request-ID") == "" {
		t.Error("no request id")
	}
	return e.Code
}

func TestWhatCanNotBeReachedIsSaidAtOnce(t *testing.T) {
	for _, c := range []struct {
		target string
		state  sandbox.State
		status int
		code   string
	}{
		{"/sandboxes/nobody/port/8000/", sandbox.Running, 404, "SANDBOX_NOT_FOUND"},
		{"/sandboxes/b%6Fx/port/8000/", sandbox.Running, 404, "SANDBOX_NOT_FOUND"},
		{"/sandboxes/box/port/0/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port/65536/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port/-1/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port/080/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port//x", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/port/ssh/", sandbox.Running, 400, "INVALID_PORT"},
		{"/sandboxes/box/other/8000/", sandbox.Running, 404, "NOT_FOUND"},
		{"/sandboxes/box/port/8000/", sandbox.Running, 502, "PORT_UNREACHABLE"},
		{"/sandboxes/box/port/44772/ping", sandbox.Running, 502, "PORT_UNREACHABLE"},
		{"/sandboxes/box/port/44772/ping", sandbox.Pending, 503, "SANDBOX_NOT_READY"},
		{"/sandboxes/box/port/8000/", sandbox.Pausing, 503, "SANDBOX_PAUSED"},
		{"/sandboxes/box/port/8000/", sandbox.Paused, 503, "SANDBOX_PAUSED"},
		{"/sandboxes/box/port/8000/", sandbox.Resuming, 503, "SANDBOX_PAUSED"},
		{"/sandboxes/box/port/8000/", sandbox.Stopping, 502, "SANDBOX_NOT_RUNNING"},
		{"/sandboxes/box/port/8000/", sandbox.Terminated, 502, "SANDBOX_NOT_RUNNING"},
		{"/sandboxes/box/port/8000/", sandbox.Failed, 502, "SANDBOX_NOT_RUNNING"},
	} {
		// Nothing listens on a port that was just given back.
		closed := httptest.NewServer(nil)
		closed.Close()
		address := serve(t, &sandboxes{state: c.state, address: closed.Listener.Addr().String()}, 0)
		res := raw(t, address, get(c.target))
		if code := errorOf(t, res); res.StatusCode != c.status || code != c.code {
			t.Errorf("%s while %s: %d %s, want %d %s", c.target, c.state, res.StatusCode, code, c.status, c.code)
		}
	}
}

func TestAServiceThatNeverAnswersIsATimeout(t *testing.T) {
	release := make(chan struct{})
	boxes := backend(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	address := serve(t, boxes, 50*time.Millisecond)
	res := raw(t, address, get("/sandboxes/box/port/8000/"))
	if code := errorOf(t, res); res.StatusCode != 504 || code != "SERVICE_TIMEOUT" {
		t.Errorf("%d %s, want 504", res.StatusCode, code)
	}
}

func TestAServiceThatBreaksOff(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	address := serve(t, boxes, 0)
	res := raw(t, address, get("/sandboxes/box/port/8000/"))
	if code := errorOf(t, res); res.StatusCode != 502 || code != "SERVICE_BROKE_OFF" {
		t.Errorf("%d %s, want 502", res.StatusCode, code)
	}
	res = raw(t, address, get("/sandboxes/box/port/8000/half"))
	body, err := io.ReadAll(res.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "half" {
		t.Errorf("a broken answer looks complete: %q, %v", body, err)
	}
}
