package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// house is the one runtime that the servers of all mutants share: over Docker the daemon goes into its volume once, and
// the engine's events are read once. Each server is a tenant, who sees only the sandboxes that it made.
type house struct {
	closer

	dir     string        // of its state
	watched chan struct{} // closed when nothing watches any more
	leave   context.CancelFunc

	mu      sync.Mutex
	tenants map[string]*tenant // by the id of a sandbox
}

func newHouse(ctx context.Context, l *Lab) (*house, error) {
	dir, err := os.MkdirTemp(l.StateRoot, "mutants-")
	if err != nil {
		return nil, err
	}
	engine, err := l.engine(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	h := &house{closer: engine, dir: dir, watched: make(chan struct{}), tenants: map[string]*tenant{}}
	watching, leave := context.WithCancel(context.WithoutCancel(ctx))
	h.leave = leave
	go func() {
		defer close(h.watched)
		_ = engine.Watch(watching, h.report) // it ends when it is told to
	}()
	return h, nil
}

func (h *house) report(exit runtime.Exit) {
	h.mu.Lock()
	t := h.tenants[exit.ID]
	h.mu.Unlock()
	if t != nil {
		t.report(exit)
	}
}

// close ends the watch, and takes away the volume and the network where nobody else uses them.
func (h *house) close() {
	h.leave()
	<-h.watched
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = h.Close(ctx) // best effort: what is left says so by its labels
	_ = os.RemoveAll(h.dir)
}

// tenant is the runtime of one server.
type tenant struct {
	*house

	watching chan struct{} // closed when somebody does
	tell     func(runtime.Exit)
	once     sync.Once
}

var _ runtime.Runtime = (*tenant)(nil)

func (h *house) let() *tenant { return &tenant{house: h, watching: make(chan struct{})} }

// Provision makes a sandbox of the tenant's.
func (t *tenant) Provision(ctx context.Context, spec runtime.Spec) error {
	t.mu.Lock()
	t.tenants[spec.ID] = t
	t.mu.Unlock()
	return t.house.Provision(ctx, spec)
}

// Remove removes it.
func (t *tenant) Remove(ctx context.Context, id string) error {
	err := t.house.Remove(ctx, id)
	if err == nil {
		t.mu.Lock()
		delete(t.tenants, id)
		t.mu.Unlock()
	}
	return err
}

// List lists nothing: a server asks once, when it begins, and a tenant begins without sandboxes.
func (t *tenant) List(context.Context) ([]runtime.Instance, error) { return nil, nil }

// Watch reports the ends of the tenant's sandboxes.
func (t *tenant) Watch(ctx context.Context, report func(runtime.Exit)) error {
	err := errors.New("the sandboxes of a mutant are watched already")
	t.once.Do(func() {
		t.tell = report
		close(t.watching)
		<-ctx.Done()
		err = ctx.Err()
	})
	return err
}

func (t *tenant) report(exit runtime.Exit) {
	select {
	case <-t.watching:
		t.tell(exit)
	case <-time.After(10 * time.Second): // its server was not even started
	}
}

// clear removes what a mutant left running, whatever its fault was.
func (t *tenant) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	t.mu.Lock()
	left := slices.DeleteFunc(slices.Collect(maps.Keys(t.tenants)), func(id string) bool { return t.tenants[id] != t })
	t.mu.Unlock()
	for _, id := range left {
		_ = t.Remove(ctx, id) // best effort, behind a deployment that was broken on purpose
	}
}
