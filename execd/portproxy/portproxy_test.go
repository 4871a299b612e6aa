package portproxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// echoHead is a service that answers with the request line and headers as they came.
func echoHead(t *testing.T) string {
	return listen(t, func(conn net.Conn) {
		got := head(bufio.NewReader(conn))
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(got), got)
	})
}

func TestPathAndQueryArriveByteForByte(t *testing.T) {
	address, port := serve(t, 0), echoHead(t)
	for _, tail := range []string{
		"/", "/a/", "/?", "/?a;b", "/?a=%zz", "/?%", "/?a=b=c&&&", "/?%00", "/a%2Fb", "/%7C", "/|", "/a|b?c|d", "/a;b=c",
		"/../../etc", "/..%2f..%2Fping", "/a/./b/../c", "//", "//a//b", "//example.com/x", "/%25", "/%00", "/%ff", "/é", "/ping", "/proxy/1/",
	} {
		res := raw(t, address, get("/proxy/"+port+tail, key))
		body, _ := io.ReadAll(res.Body)
		if line, _, _ := strings.Cut(string(body), "\r\n"); line != "GET "+tail+" HTTP/1.1" {
			t.Errorf("%s: the service got %q", tail, line)
		}
	}
	for target, want := range map[string]string{
		"/proxy/" + port:                          "GET / HTTP/1.1",
		"/proxy/" + port + "?a=1":                 "GET /?a=1 HTTP/1.1",
		"http://x.org/proxy/" + port + "/x%2Fy?z": "GET /x%2Fy?z HTTP/1.1",
	} {
		body, _ := io.ReadAll(raw(t, address, get(target, key)).Body)
		if line, _, _ := strings.Cut(string(body), "\r\n"); line != want {
			t.Errorf("%s: the service got %q, want %q", target, line, want)
		}
	}
}

func TestWhatIsPassedOnAndWhatIsNot(t *testing.T) {
	address, port := serve(t, 0), echoHead(t)
	body, _ := io.ReadAll(raw(t, address, get("/proxy/"+port+"/", key, "OPEN-SANDBOX-API-KEY: secret", "open-sandbox-client-ip: 10.0.0.1",
		"Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 5", "X-Own: kept", "Accept-Encoding: br", "Authorization: Bearer own", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")).Body)
	for _, forbidden := range []string{token, "Execd", "secret", "Open-Sandbox", "10.0.0.1", "Hop", "Keep-Alive", "User-Agent", "127.0.0.1"} {
		if strings.Contains(string(body), forbidden) {
			t.Errorf("the service got %q:\n%s", forbidden, body)
		}
	}
	for _, wanted := range []string{"X-Own: kept\r\n", "Accept-Encoding: br\r\n", "Host: example.org\r\n", "Authorization: Bearer own\r\n", "X-Forwarded-For: 6.6.6.6\r\n", "X-Forwarded-Proto: https\r\n"} {
		if !strings.Contains(string(body), wanted) {
			t.Errorf("the service did not get %q:\n%s", wanted, body)
		}
	}
	body, _ = io.ReadAll(raw(t, address, get("/proxy/"+port+"/", key)).Body)
	if !strings.Contains(string(body), "X-Forwarded-For: 127.0.0.1\r\n") {
		t.Errorf("the service does not know the client:\n%s", body)
	}
}

func TestWhatCanNotBeReachedIsSaid(t *testing.T) {
	address := serve(t, 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := portOf(t, l)
	_ = l.Close()
	for _, c := range []struct {
		request string
		status  int
		code    string
	}{
		{get("/proxy/" + closed + "/"), 401, "UNAUTHORIZED"},
		{get("/proxy/"+closed+"/", key+"x"), 401, "UNAUTHORIZED"},
		{get("/proxy/x/"), 401, "UNAUTHORIZED"},
		{get("/proxy/"+closed+"/", key), 502, "PORT_UNREACHABLE"},
		{"POST /proxy/" + closed + "/ HTTP/1.1\r\nHost: x\r\n" + key + "\r\nContent-Length: 20000000\r\n\r\nonly a little", 502, "PORT_UNREACHABLE"},
		{get("/proxy/0/", key), 400, "INVALID_PORT"},
		{get("/proxy/65536/", key), 400, "INVALID_PORT"},
		{get("/proxy/-1/", key), 400, "INVALID_PORT"},
		{get("/proxy/080/", key), 400, "INVALID_PORT"},
		{get("/proxy/ssh/", key), 400, "INVALID_PORT"},
		{get("/proxy//", key), 400, "INVALID_PORT"},
		{get("/proxy/", key), 400, "INVALID_PORT"},
		{get("/proxy", key), 404, "NOT_FOUND"},
		{get("//proxy/80/", key), 404, "NOT_FOUND"},
	} {
		res := raw(t, address, c.request)
		if code := errorOf(t, res); res.StatusCode != c.status || code != c.code {
			t.Errorf("%q: %d %s, want %d %s", c.request, res.StatusCode, code, c.status, c.code)
		}
	}
}

func TestAServiceThatNeverAnswersIsATimeout(t *testing.T) {
	release := make(chan struct{})
	port := listen(t, func(net.Conn) { <-release })
	defer close(release)
	res := raw(t, serve(t, 50*time.Millisecond), get("/proxy/"+port+"/", key))
	if code := errorOf(t, res); res.StatusCode != 504 || code != "SERVICE_TIMEOUT" {
		t.Errorf("%d %s, want 504", res.StatusCode, code)
	}
}

func TestAServiceThatBreaksOff(t *testing.T) {
	port := listen(t, func(conn net.Conn) {
		if strings.HasPrefix(head(bufio.NewReader(conn)), "GET /half") {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}
	})
	address := serve(t, 0)
	res := raw(t, address, get("/proxy/"+port+"/", key))
	if code := errorOf(t, res); res.StatusCode != 502 || code != "SERVICE_BROKE_OFF" {
		t.Errorf("%d %s, want 502", res.StatusCode, code)
	}
	body, err := io.ReadAll(raw(t, address, get("/proxy/"+port+"/half", key)).Body)
	if err == nil || string(body) != "half" {
		t.Errorf("a broken answer looks complete: %q, %v", body, err)
	}
}

func TestAServiceOnIPv6Only(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: this machine has no ::1: %v", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "six") }), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	body, _ := io.ReadAll(raw(t, serve(t, 0), get("/proxy/"+portOf(t, l)+"/", key)).Body)
	if string(body) != "six" {
		t.Errorf("%q", body)
	}
}

func TestNoDescriptorIsLeftOver(t *testing.T) {
	address := serve(t, 0)
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }))
	conn := dialTo(t, address)
	answers := bufio.NewReader(conn)
	ask := func(port string, want int) {
		if _, err := io.WriteString(conn, get("/proxy/"+port+"/", key)); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != want {
			t.Fatalf("%d, %v", res.StatusCode, err)
		}
	}
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	ask(port, 200)
	before := descriptors()
	for range 300 {
		ask(port, 200)
		ask("1", 502)
	}
	if n := descriptors(); n > before+2 {
		t.Errorf("%d descriptors after 600 requests one after another, %d after the first", n, before)
	}
}
