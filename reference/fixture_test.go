package reference_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

const key = "the-key"

// local is a runtime whose sandboxes are all one HTTP server on this machine.
type local struct {
	inside *httptest.Server
	hold   chan struct{} // Provision waits for it

	mu  sync.Mutex
	ids map[string]bool
}

var _ runtime.Runtime = (*local)(nil)

func newLocal(t *testing.T) *local {
	l := &local{ids: map[string]bool{}, hold: make(chan struct{})}
	close(l.hold)
	l.inside = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ping" {
			return
		}
		fmt.Fprintf(w, "%s %s token=%s", r.Method, r.RequestURI, r.Header.Get("X-EXECD-ACCESS-TOKEN"))
	}))
	t.Cleanup(l.inside.Close)
	return l
}

func (l *local) Name() string { return "local" }

func (l *local) Provision(ctx context.Context, spec runtime.Spec) error {
	select {
	case <-l.hold:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids[spec.ID] = true
	return nil
}

func (l *local) Pause(context.Context, string) error  { return nil }
func (l *local) Resume(context.Context, string) error { return nil }

func (l *local) Remove(_ context.Context, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ids, id)
	return nil
}

func (l *local) Dial(ctx context.Context, id string, _ int) (net.Conn, error) {
	l.mu.Lock()
	there := l.ids[id]
	l.mu.Unlock()
	if !there {
		return nil, errors.New("no such sandbox")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", l.inside.Listener.Addr().String())
}

func (l *local) List(context.Context) ([]runtime.Instance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []runtime.Instance
	for id := range l.ids {
		all = append(all, runtime.Instance{ID: id, Running: true})
	}
	return all, nil
}

func (l *local) Watch(ctx context.Context, _ func(runtime.Exit)) error {
	<-ctx.Done()
	return ctx.Err()
}

// server is a lifecycle server on a port of this machine.
type server struct {
	t       *testing.T
	address string
	runtime *local
}

func serve(t *testing.T, change ...func(*reference.Config)) *server {
	t.Helper()
	return serveWith(t, new(*reference.Server), change...)
}

// serveWith is serve, and gives the server itself too.
func serveWith(t *testing.T, made **reference.Server, change ...func(*reference.Config)) *server {
	t.Helper()
	state, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	s := &server{t: t, runtime: newLocal(t)}
	cfg := reference.Config{Store: state, Runtime: s.runtime, Keys: []string{key}, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	srv, err := reference.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	*made = srv
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(srv.Handler())
	s.address = front.Listener.Addr().String()
	t.Cleanup(func() {
		front.Close()
		closing, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		srv.Close(closing)
	})
	return s
}

// raw sends bytes on a connection of its own and returns the answer.
func (s *server) raw(request string) *answer {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	return s.read(conn)
}

func (s *server) read(conn net.Conn) *answer {
	s.t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return &answer{Response: res, body: body}
}

type answer struct {
	*http.Response
	body []byte
}

// code is that of an ErrorResponse; it is "" for anything else.
func (a *answer) code() string {
	var e map[string]string
	if json.Unmarshal(a.body, &e) != nil || len(e) != 2 || e["message"] == "" || a.Header.Get("Content-Type") != "application/json" {
		return ""
	}
	return e["code"]
}

// do sends a request with the key; body may be "".
func (s *server) do(method, path, body string) *answer {
	s.t.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nOPEN-SANDBOX-API-KEY: %s\r\n", method, path, s.address, key)
	if body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return s.raw(head + "\r\n" + body)
}

func (a *answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%d %s: %v", a.StatusCode, a.body, err)
	}
}

type box struct {
	ID       string
	Status   struct{ State, Reason, Message, LastTransitionAt string }
	Image    map[string]any
	Metadata map[string]string

	CreatedAt, ExpiresAt time.Time
	Entrypoint           []string
}

const minimal = `{"image":{"uri":"debian:12"},"timeout":600,"resourceLimits":{},"entrypoint":["sleep","infinity"]}`

// create makes a sandbox and waits until it has the state.
func (s *server) create(body, state string) box {
	s.t.Helper()
	var b box
	a := s.do("POST", "/v1/sandboxes", body)
	if a.StatusCode != 202 {
		s.t.Fatalf("create: %d %s", a.StatusCode, a.body)
	}
	a.into(s.t, &b)
	return s.await(b.ID, state)
}

func (s *server) await(id, state string) box {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var b box
		s.do("GET", "/v1/sandboxes/"+id, "").into(s.t, &b)
		if b.Status.State == state {
			return b
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it is %+v, want %s", b.Status, state)
		}
	}
}
