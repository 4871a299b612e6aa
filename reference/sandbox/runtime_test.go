package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// fakeRuntime keeps sandboxes in a map. Its zero value does everything at once
// and without fault; hooks make it slow or make it fail.
type fakeRuntime struct {
	mu        sync.Mutex
	instances map[string]*runtime.Instance
	specs     map[string]runtime.Spec
	calls     []string
	report    func(runtime.Exit)

	provision func(ctx context.Context, spec runtime.Spec) error // before it is made
	freeze    func(ctx context.Context) error                    // before a pause or resume
	remove    func() error                                       // before it is removed
	deaf      bool                                               // the daemon never answers
}

var _ runtime.Runtime = (*fakeRuntime)(nil)

func newFakeRuntime() *fakeRuntime {
	return &fakeRuntime{instances: map[string]*runtime.Instance{}, specs: map[string]runtime.Spec{}}
}

func (f *fakeRuntime) Name() string { return "fake" }

func (f *fakeRuntime) Provision(ctx context.Context, spec runtime.Spec) error {
	f.note("provision")
	if f.provision != nil {
		if err := f.provision(ctx, spec); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances[spec.ID] = &runtime.Instance{ID: spec.ID, Running: true}
	f.specs[spec.ID] = spec
	return nil
}

func (f *fakeRuntime) setPaused(ctx context.Context, id string, paused bool) error {
	if f.freeze != nil {
		if err := f.freeze(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[id]
	if !ok {
		return errors.New("no such instance")
	}
	i.Paused = paused
	return nil
}

func (f *fakeRuntime) Pause(ctx context.Context, id string) error {
	f.note("pause")
	return f.setPaused(ctx, id, true)
}

func (f *fakeRuntime) Resume(ctx context.Context, id string) error {
	f.note("resume")
	return f.setPaused(ctx, id, false)
}

func (f *fakeRuntime) Remove(_ context.Context, id string) error {
	f.note("remove")
	if f.remove != nil {
		if err := f.remove(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.instances, id)
	return nil
}

// Dial reaches a daemon that answers GET /ping when the token is right.
func (f *fakeRuntime) Dial(_ context.Context, id string, port int) (net.Conn, error) {
	f.mu.Lock()
	i, ok := f.instances[id]
	running := ok && i.Running
	token := f.specs[id].Token
	f.mu.Unlock()
	if !running || port != sandbox.DaemonPort || f.deaf {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		req, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		status := "401 Unauthorized"
		if req.URL.Path == "/ping" && req.Header.Get("X-EXECD-ACCESS-TOKEN") == token {
			status = "200 OK"
		}
		_, _ = server.Write([]byte("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	}()
	return client, nil
}

func (f *fakeRuntime) List(context.Context) ([]runtime.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []runtime.Instance
	for _, id := range slices.Sorted(maps.Keys(f.instances)) {
		all = append(all, *f.instances[id])
	}
	return all, nil
}

func (f *fakeRuntime) Watch(ctx context.Context, report func(runtime.Exit)) error {
	f.mu.Lock()
	f.report = report
	f.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// exit ends a sandbox behind the manager's back.
func (f *fakeRuntime) exit(e runtime.Exit) {
	f.mu.Lock()
	if i, ok := f.instances[e.ID]; ok {
		i.Running, i.Exit = false, &e
	}
	if e.Removed {
		delete(f.instances, e.ID)
	}
	report := f.report
	f.mu.Unlock()
	report(e)
}

func (f *fakeRuntime) note(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

func (f *fakeRuntime) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (f *fakeRuntime) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.instances)
}

func (f *fakeRuntime) instance(id string) *runtime.Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[id]
	if !ok {
		return nil
	}
	copied := *i
	return &copied
}

// memory is a store that forgets when the test ends.
type memory struct {
	mu   sync.Mutex
	rows map[string]*sandbox.Sandbox
	fail error // what writes return; nil: they succeed
	seen []sandbox.State
}

func newMemory() *memory { return &memory{rows: map[string]*sandbox.Sandbox{}} }

func (s *memory) Load(context.Context) ([]*sandbox.Sandbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rows)), nil
}

func (s *memory) Put(_ context.Context, sb *sandbox.Sandbox) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.rows[sb.ID] = sb
	s.seen = append(s.seen, sb.Status.State)
	return nil
}

func (s *memory) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	delete(s.rows, id)
	return nil
}

func (s *memory) breakWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// row is what the store says of a sandbox.
func (s *memory) row(id string) *sandbox.Sandbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id]
}
