package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// sandboxes is one sandbox, "box", whose ports are at an address of this
// machine.
type sandboxes struct {
	state   sandbox.State
	address string
}

func (s *sandboxes) Started(_ context.Context, id string, _ time.Duration) (*sandbox.Sandbox, error) {
	if id != "box" {
		return nil, &sandbox.Error{Kind: sandbox.NotFound, Code: "SANDBOX_NOT_FOUND", Message: "there is no such sandbox"}
	}
	return &sandbox.Sandbox{ID: id, Token: "right", Status: sandbox.Status{State: s.state, Reason: "R"}}, nil
}

func (s *sandboxes) Dial(ctx context.Context, _ string, _ int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", s.address)
}

// serve puts a gateway in front of a listener, as the server does, and returns
// its address.
func serve(t *testing.T, boxes *sandboxes, timeout time.Duration) string {
	t.Helper()
	g := gateway.New(gateway.Config{Sandboxes: boxes, HeaderTimeout: timeout})
	t.Cleanup(g.Close)
	front := httptest.NewServer(httpapi.Wrap(g, httpapi.Config{
		Log: nil, RequestID: true, AccessLevel: -100,
		Passthrough: func(*http.Request) bool { return true },
	}))
	t.Cleanup(front.Close)
	return front.Listener.Addr().String()
}

func backend(t *testing.T, h http.HandlerFunc) *sandboxes {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &sandboxes{state: sandbox.Running, address: s.Listener.Addr().String()}
}

// raw sends bytes and returns the answer, so that no client tidies the request.
func raw(t *testing.T, address, request string) *http.Response {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func get(target string, headers ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: example.org\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// echoLine is a service that answers with the request line and headers as they
// came, read from the socket.
func echoLine(t *testing.T) *sandboxes {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				var head strings.Builder
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if line == "\r\n" {
						break
					}
					head.WriteString(line)
				}
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", head.Len(), head.String())
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); group.Wait() })
	return &sandboxes{state: sandbox.Running, address: l.Addr().String()}
}
