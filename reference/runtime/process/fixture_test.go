package process_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

// fixture is a runtime of its own, in the best tier of this machine.
type fixture struct {
	*process.Runtime
	t   testing.TB
	cfg process.Config
}

// lines hands a log on to a test.
type lines struct{ t testing.TB }

func (l lines) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}

// stateDir makes a directory that users of sandboxes may pass through, as some do in the tier plain.
func stateDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	return state
}

func newFixture(t testing.TB, change ...func(*process.Config)) *fixture {
	t.Helper()
	state := stateDir(t)
	f := &fixture{t: t, cfg: process.Config{
		State: state, Instance: uuid.NewString(), Execd: dockertest.Execd(t), Tier: os.Getenv("OPENSANDBOX_TIER"),
		Log: slog.New(slog.NewTextHandler(lines{t}, nil)),
	}}
	for _, c := range change {
		c(&f.cfg)
	}
	f.open()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		list, err := f.List(ctx)
		if err != nil {
			t.Error(err)
		}
		for _, i := range list {
			if err := f.Remove(ctx, i.ID); err != nil {
				t.Error(err)
			}
		}
		f.close()
		for _, dir := range []string{"sandboxes", "gone"} {
			if left, err := os.ReadDir(filepath.Join(state, dir)); err != nil || len(left) > 0 {
				t.Errorf("left in %s: %v, %v", dir, left, err)
			}
		}
	})
	return f
}

// open makes the runtime, as a server does that starts.
func (f *fixture) open() {
	f.t.Helper()
	r, err := process.New(f.t.Context(), f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Runtime = r
}

func (f *fixture) close() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.t.Context()), time.Minute)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

// watch collects what the runtime reports.
func (f *fixture) watch() <-chan runtime.Exit {
	exits := make(chan runtime.Exit, 16)
	ctx, cancel := context.WithCancel(f.t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = f.Watch(ctx, func(e runtime.Exit) { exits <- e }) })
	f.t.Cleanup(func() { cancel(); group.Wait() })
	return exits
}

// next waits for a report on a sandbox.
func next(t testing.TB, exits <-chan runtime.Exit, id string) runtime.Exit {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case e := <-exits:
			if e.ID == id {
				return e
			}
		case <-deadline:
			t.Fatal("nothing was reported")
		}
	}
}

func spec(entrypoint ...string) runtime.Spec {
	return runtime.Spec{ID: uuid.NewString(), Image: process.Image, Entrypoint: entrypoint, Token: "the-token"}
}

// provision makes a sandbox that does nothing by itself.
func (f *fixture) provision(change ...func(*runtime.Spec)) string {
	f.t.Helper()
	s := spec("sleep", "infinity")
	for _, c := range change {
		c(&s)
	}
	if err := f.Provision(f.t.Context(), s); err != nil {
		f.t.Fatal(err)
	}
	return s.ID
}

// client makes requests to the daemon in a sandbox, each on a connection of its own.
func (f *fixture) client(id string, port int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (conn, error) { return f.Dial(ctx, id, port) },
		},
		Timeout: 20 * time.Second,
	}
}

// ping asks the daemon for a sign of life: the connection waits until there is one.
func (f *fixture) ping(id string) {
	f.t.Helper()
	if status, said := f.send(id, http.MethodGet, "/ping", ""); status != http.StatusOK {
		f.t.Fatalf("ping: %d %s", status, said)
	}
}

func (f *fixture) send(id, method, path, body string) (status int, said string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, "http://execd"+path, stringReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("X-EXECD-ACCESS-TOKEN", "the-token")
	req.Header.Set("Content-Type", "application/json")
	res, err := f.client(id, 44772).Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// run runs a command in a sandbox and gives what it wrote.
func (f *fixture) run(id, command string) string {
	f.t.Helper()
	status, said := f.send(id, http.MethodPost, "/command", fmt.Sprintf(`{"command":%q}`, command))
	if status != http.StatusOK {
		f.t.Fatalf("%s: %d %s", command, status, said)
	}
	return output(f.t, said)
}
