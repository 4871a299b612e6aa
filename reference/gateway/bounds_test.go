package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// deaf is a service that is paused: its host takes connections and bytes for it as long as they fit, and nobody reads.
func deaf(t *testing.T) *sandboxes {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &sandboxes{state: sandbox.Running, address: l.Addr().String()}
}

func TestAPausedServiceIsATimeout(t *testing.T) {
	address := serve(t, deaf(t), 100*time.Millisecond)
	for name, request := range map[string]string{
		"a question":       get("/sandboxes/box/port/8000/"),
		"a small upload":   "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
		"a socket":         get("/sandboxes/box/port/8000/", "Connection: Upgrade", "Upgrade: websocket"),
		"one that expects": "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			res := raw(t, address, request)
			if code := errorOf(t, res); res.StatusCode != 504 || code != "SERVICE_TIMEOUT" {
				t.Errorf("%d %s, want 504", res.StatusCode, code)
			}
		})
	}
}

// Nobody takes the upload: neither is it gathered in memory, nor is it waited for without end.
func TestAnUploadThatNobodyTakesIsATimeout(t *testing.T) {
	address := serve(t, deaf(t), 500*time.Millisecond)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", int64(1)<<40)
	sent := make(chan int64)
	go func() {
		n, _ := io.Copy(conn, zeros{}) // ends when the gateway ends the connection
		sent <- n
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if code := errorOf(t, res); res.StatusCode != 504 || code != "SERVICE_TIMEOUT" {
		t.Errorf("%d %s, want 504", res.StatusCode, code)
	}
	_ = conn.Close()
	if n := <-sent; n > 64<<20 {
		t.Errorf("%d bytes were taken for a service that reads none", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A service that reads slowly is no paused one: as long as bytes go through, the upload goes on.
func TestASlowUploadIsNoTimeout(t *testing.T) {
	const timeout = time.Second
	boxes := backend(t, func(_ http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(timeout / 30)
		defer tick.Stop()
		for p := make([]byte, 1<<20); ; <-tick.C {
			if _, err := io.ReadFull(r.Body, p); err != nil {
				return
			}
		}
	})
	address := serve(t, boxes, timeout)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/sandboxes/box/port/8000/", io.LimitReader(zeros{}, 50<<20))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%d, want 200", res.StatusCode)
	}
}

// A stream may be silent for longer than an answer may take to begin.
func TestASilentStreamIsNoTimeout(t *testing.T) {
	const timeout = 100 * time.Millisecond
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(5 * timeout):
			_, _ = io.WriteString(w, "late")
		case <-r.Context().Done():
		}
	})
	res := raw(t, serve(t, boxes, timeout), get("/sandboxes/box/port/8000/"))
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "late" {
		t.Errorf("%q, %v", body, err)
	}
}

// A client that goes away before the answer has begun is nobody to work for.
func TestAClientThatGoesAwayEarly(t *testing.T) {
	for name, request := range map[string]string{
		"asking":            get("/sandboxes/box/port/8000/"),
		"after its upload":  "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
		"during its upload": "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan struct{})
			boxes := backend(t, func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
				close(ended)
			})
			address := serve(t, boxes, 0)
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			<-begun
			_ = conn.Close()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("the service still works for nobody")
			}
		})
	}
}

// What concerns one connection only stays on it (RFC 9110 §7.6.1), in both directions.
func TestHopByHopHeadersStayOnTheirConnection(t *testing.T) {
	address := serve(t, echoLine(t), 0)
	for _, connection := range []string{"X-Foo, close", "close, x-foo", "X-Foo", "keep-alive,X-Foo ,X-Bar"} {
		body, _ := io.ReadAll(raw(t, address, get("/sandboxes/box/port/44772/", "Connection: "+connection, "X-Foo: 1",
			"Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic x", "Te: gzip", "X-End: kept",
			"Connection: X-Execd-Access-Token")).Body)
		for _, name := range []string{"X-Foo", "Keep-Alive", "Proxy-", "Te:"} {
			if strings.Contains(string(body), name) {
				t.Errorf("Connection: %s: the service got %s:\n%s", connection, name, body)
			}
		}
		for _, line := range []string{"X-End: kept\r\n", "X-Execd-Access-Token: right\r\n"} {
			if !strings.Contains(string(body), line) {
				t.Errorf("Connection: %s: the service did not get %q:\n%s", connection, line, body)
			}
		}
	}
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		h.Set("Connection", r.Header.Get("X-Answer"))
		h.Set("X-Foo", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		h.Set("X-End", "kept")
	})
	address = serve(t, boxes, 0)
	for _, connection := range []string{"X-Foo", "X-Foo, close", "close,x-foo", "X-Foo", "X-Foo, close"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, get("/sandboxes/box/port/8000/", "X-Answer: "+connection))
		r := bufio.NewReader(conn)
		if hints, err := http.ReadResponse(r, nil); err != nil || hints.StatusCode != http.StatusEarlyHints {
			t.Fatalf("%v, %v, want 103", hints, err)
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"X-Foo", "Keep-Alive", "Proxy-Authenticate"} {
			if res.Header.Get(name) != "" {
				t.Errorf("Connection: %s: the client got %s: %s", connection, name, res.Header.Get(name))
			}
		}
		if res.Close || res.Header.Get("X-End") != "kept" {
			t.Errorf("Connection: %s: close %v, %v", connection, res.Close, res.Header)
		}
		_ = conn.Close()
	}
}

func TestTrailersAndInterimAnswersPass(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Asked"))
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", serve(t, boxes, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Asked\r\n\r\n2\r\nab\r\n0\r\nX-Asked: 42\r\n\r\n")
	r := bufio.NewReader(conn)
	hints, err := http.ReadResponse(r, nil)
	if err != nil || hints.StatusCode != http.StatusEarlyHints || hints.Header.Get("Link") == "" {
		t.Fatalf("%v, %v, want 103", hints, err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "ab" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%q, trailer %v, %v", body, res.Trailer, err)
	}
}

// A client that waits for 100 before a large upload is spared it where the service refuses, and goes on where not.
func TestExpectContinueIsTheServicesAnswer(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	address := serve(t, boxes, 0)
	ask := func(path string) (*http.Response, net.Conn, *bufio.Reader) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /sandboxes/box/port/8000%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", path)
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res, conn, r
	}
	if res, _, _ := ask("/refused"); res.StatusCode != http.StatusForbidden {
		t.Errorf("%d before the upload, want 403", res.StatusCode)
	}
	res, conn, r := ask("/taken")
	if res.StatusCode != http.StatusContinue {
		t.Fatalf("%d, want 100", res.StatusCode)
	}
	_, _ = io.WriteString(conn, "hello")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "hello" {
		t.Errorf("%q", body)
	}
}

// Nobody reads the answer: the service is held back, and what it says is not gathered in memory.
func TestADownloadThatNobodyReadsHoldsTheServiceBack(t *testing.T) {
	written := make(chan int64, 1)
	boxes := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		total, chunk := int64(0), make([]byte, 1<<20)
		for {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
			n, err := w.Write(chunk)
			total += int64(n)
			if err != nil {
				written <- total
				return
			}
		}
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", serve(t, boxes, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, get("/sandboxes/box/port/8000/")); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-written:
		if n > 64<<20 {
			t.Errorf("%d bytes were taken for a client that reads none", n)
		}
	case <-time.After(20 * time.Second):
		t.Error("the service writes and writes")
	}
}
