package reference_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/limit"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// keyless asks without a key.
func (s *server) keyless(method, path string) *answer {
	s.t.Helper()
	return s.raw(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
}

// shaky is something that can be out of order.
type shaky struct {
	err   atomic.Pointer[error]
	asked atomic.Int64
}

type (
	shakyStore struct {
		sandbox.Store
		shaky
	}
	shakyRuntime struct {
		runtime.Runtime
		shaky
	}
)

func (s *shaky) Ping(ctx context.Context) error {
	s.asked.Add(1)
	err := s.err.Load()
	if err == nil {
		return nil
	}
	if errors.Is(*err, context.DeadlineExceeded) {
		<-ctx.Done()
		return ctx.Err()
	}
	return *err
}

func TestHealthAndReadiness(t *testing.T) {
	secret := errors.New("dial unix /var/run/secret.sock: refused")
	late := context.DeadlineExceeded
	for _, c := range []struct {
		name           string
		store, runtime *error
		status         int
		says           string
	}{
		{"all is well", nil, nil, 200, "ok"},
		{"the store is out of order", &secret, nil, 503, "the store can't be used"},
		{"the engine is out of order", nil, &secret, 503, "the runtime can't be used"},
		{"the engine hangs", nil, &late, 503, "the runtime does not answer in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, engine := new(shakyStore), new(shakyRuntime)
			s := serve(t, func(cfg *reference.Config) {
				rows.Store, engine.Runtime = cfg.Store, cfg.Runtime
				cfg.Store, cfg.Runtime = rows, engine
			})
			rows.err.Store(c.store)
			engine.err.Store(c.runtime)
			if a := s.keyless("GET", "/healthz"); a.StatusCode != 200 || string(a.body) != "ok\n" {
				t.Errorf("healthz: %d %s", a.StatusCode, a.body)
			}
			for range 2 {
				a := s.keyless("GET", "/readyz")
				if a.StatusCode != c.status || !strings.Contains(string(a.body), c.says) || strings.Contains(string(a.body), "secret") {
					t.Errorf("readyz: %d %s, want %d %q", a.StatusCode, a.body, c.status, c.says)
				}
				if c.status == 503 && (a.code() != "NOT_READY" || a.Header.Get("Retry-After") == "") {
					t.Errorf("readyz: %s %v", a.body, a.Header)
				}
			}
			if n := rows.asked.Load(); n < 1 || n > 2 {
				t.Errorf("the store was asked %d times", n)
			}
			if a := s.keyless("POST", "/readyz"); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("POST: %d", a.StatusCode)
			}
		})
	}
}

func TestASecondKeyIsAsGoodAsTheFirst(t *testing.T) {
	s := serve(t, func(cfg *reference.Config) { cfg.Keys = []string{"one", "two", key} })
	for given, status := range map[string]int{"one": 200, "two": 200, key: 200, "onetwo": 401, "One": 401, "one, two": 401, "": 401} {
		if a := s.raw(fmt.Sprintf("GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\nOPEN-SANDBOX-API-KEY: %s\r\n\r\n", given)); a.StatusCode != status {
			t.Errorf("%q: %d, want %d", given, a.StatusCode, status)
		}
	}
}

func TestAKeyThatAsksTooMuch(t *testing.T) {
	s := serve(t, func(cfg *reference.Config) {
		cfg.Keys = append(cfg.Keys, "other")
		cfg.Limit = limit.New(0.01, 3)
	})
	for i, status := range []int{200, 404, 400, 429, 429} {
		path := []string{"/v1/sandboxes", "/v1/nowhere", "/v1/sandboxes?page=0", "/v1/sandboxes", "/v1/nowhere"}[i]
		a := s.do("GET", path, "")
		if a.StatusCode != status {
			t.Errorf("request %d: %d %s, want %d", i, a.StatusCode, a.body, status)
		}
		if after, err := strconv.Atoi(a.Header.Get("Retry-After")); status == 429 && (a.code() != "RATE_LIMITED" || err != nil || after < 1 || after > 100) {
			t.Errorf("request %d: %s, retry after %d, %v", i, a.body, after, err)
		}
	}
	for path, request := range map[string]string{
		"another key":  "GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\nOPEN-SANDBOX-API-KEY: other\r\n\r\n",
		"no operation": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		if a := s.raw(request); a.StatusCode != 200 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	// A key that is none is refused as such, and takes nothing from others.
	if a := s.keyless("GET", "/v1/sandboxes"); a.StatusCode != 401 {
		t.Errorf("no key: %d", a.StatusCode)
	}
	if a := s.keyless("GET", "/sandboxes/x/port/80/"); a.StatusCode != 404 {
		t.Errorf("the gateway: %d", a.StatusCode)
	}
}

func TestABodyMayBeAsLongAsWasSet(t *testing.T) {
	s := serve(t, func(cfg *reference.Config) { cfg.MaxBody = 2000 })
	if a := s.do("POST", "/v1/sandboxes", minimal+strings.Repeat(" ", 2000-len(minimal))); a.StatusCode != 202 {
		t.Errorf("2000 bytes: %d %s", a.StatusCode, a.body)
	}
	if a := s.do("POST", "/v1/sandboxes", minimal+strings.Repeat(" ", 2001-len(minimal))); a.StatusCode != 413 || !strings.Contains(string(a.body), "2000") {
		t.Errorf("2001 bytes: %d %s", a.StatusCode, a.body)
	}
}

func TestRequestsAreCountedByOperation(t *testing.T) {
	counted := make(chan string, 1000)
	s := serve(t, func(cfg *reference.Config) {
		cfg.Observe = func(operation string, status int, took time.Duration) {
			if took <= 0 {
				t.Errorf("%s took %s", operation, took)
			}
			counted <- fmt.Sprintf("%s %d", operation, status)
		}
	})
	id := s.create(minimal, "Running").ID
	s.do("GET", "/v1/sandboxes/nobody", "")
	s.do("GET", "/v1/sandboxes?page=0", "")
	s.do("PUT", "/v1/sandboxes", "")
	s.do("GET", "/v1/nowhere", "")
	s.keyless("GET", "/v1/sandboxes")
	s.keyless("GET", "/sandboxes/"+id+"/port/80/")
	s.keyless("GET", "/sandboxes/nobody/proxy/80/")
	s.keyless("GET", "/healthz")
	s.do("DELETE", "/v1/sandboxes/"+id, "")
	want := map[string]bool{
		"createSandbox 202": true, "getSandbox 200": true, // as often as the state was asked for
		"getSandbox 404": true, "listSandboxes 400": true, "listSandboxes 401": true, "other 405": true, "other 404": true,
		"gateway 200": true, "gateway 404": true, "deleteSandbox 204": true,
	}
	got := map[string]bool{}
	for late := time.After(10 * time.Second); !cmp.Equal(want, got); {
		select {
		case name := <-counted: // a request is counted after its answer went out
			got[name] = true
		case <-late:
			t.Fatalf("(-want +got):\n%s", cmp.Diff(want, got))
		}
	}
}

func TestTheDocumentsTakeNoKey(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/docs", "/docs/execd", "/docs/sandbox-lifecycle.yml", "/docs/execd-api.yaml"} {
		if a := s.keyless("GET", path); a.StatusCode != 200 || len(a.body) == 0 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := s.keyless("GET", "/docs/nowhere"); a.StatusCode != 404 || a.code() != "NOT_FOUND" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Connections that were upgraded are waited for like requests: an http.Server knows nothing of them.
func TestDrainWaitsForUpgradedConnections(t *testing.T) {
	var srv *reference.Server
	s := serveWith(t, &srv)
	s.runtime.inside.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ping" {
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = rw.Flush()
		_, _ = rw.ReadByte()
	})
	id := s.create(minimal, "Running").ID
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /sandboxes/%s/port/80/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", id)
	if a := s.read(conn); a.StatusCode != 101 {
		t.Fatalf("%d", a.StatusCode)
	}
	if n := srv.Carried(); n != 1 {
		t.Errorf("%d are carried, want 1", n)
	}
	srv.Stopping()
	if a := s.keyless("GET", "/readyz"); a.StatusCode != 503 || !strings.Contains(string(a.body), "about to end") {
		t.Errorf("readyz: %d %s", a.StatusCode, a.body)
	}
	if a := s.keyless("GET", "/healthz"); a.StatusCode != 200 {
		t.Errorf("healthz: %d", a.StatusCode)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := srv.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is carried: %v", err)
	}
	drained := make(chan error, 1)
	go func() { drained <- srv.Drain(t.Context()) }()
	_ = conn.Close()
	select {
	case err := <-drained:
		if err != nil || srv.Carried() != 0 {
			t.Errorf("%v, %d carried", err, srv.Carried())
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a connection that is gone")
	}
}
