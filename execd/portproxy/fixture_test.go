package portproxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token = "t0ken"
	key   = "X-EXECD-ACCESS-TOKEN: " + token
)

// serve starts a daemon whose services have so long to begin an answer, 0 for what is usual, and gives its address.
func serve(t *testing.T, timeout time.Duration) string {
	t.Helper()
	api, err := execd.New(execd.Config{Token: token, Log: slog.New(slog.DiscardHandler), HeaderTimeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api)
	t.Cleanup(func() { api.Close(); s.Close() })
	return s.Listener.Addr().String()
}

// service starts one in the sandbox and gives its port.
func service(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return portOf(t, s.Listener)
}

// listen is a service that handles bare connections.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handle(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return portOf(t, l)
}

func portOf(t *testing.T, l net.Listener) string {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// dialTo connects to the daemon.
func dialTo(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// raw sends bytes, so that no client tidies the request, and returns the answer.
func raw(t *testing.T, address, request string) *http.Response {
	t.Helper()
	conn := dialTo(t, address)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func get(target string, headers ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: example.org\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// do sends a request with the token by a client that keeps no connection.
func do(ctx context.Context, t *testing.T, method, url string, body io.Reader) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(execd.TokenHeader, token)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func errorOf(t *testing.T, res *http.Response) string {
	t.Helper()
	var e struct{ Code, Message string }
	if err := json.NewDecoder(res.Body).Decode(&e); err != nil || e.Code == "" || e.Message == "" {
		t.Errorf("status %d has no error body: %v", res.StatusCode, err)
	}
	return e.Code
}

// head is what a service got before the body.
func head(r *bufio.Reader) string {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}
