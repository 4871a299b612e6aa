package sandbox_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// bench is a manager with what is around it, in a bubble of fake time.
type bench struct {
	*sandbox.Manager
	t       *testing.T
	runtime *fakeRuntime
	store   *memory
}

type option func(*sandbox.Config)

// inBubble runs f with a started manager. Time passes only when everything
// waits; no goroutine may be left in the end.
func inBubble(t *testing.T, prepare func(*fakeRuntime, *memory), f func(*testing.T, *bench), options ...option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, runtime: newFakeRuntime(), store: newMemory()}
		if prepare != nil {
			prepare(b.runtime, b.store)
		}
		b.restart(options...)
		defer func() { b.Close(t.Context()) }()
		f(t, b)
	})
}

func (b *bench) restart(options ...option) {
	b.t.Helper()
	if b.Manager != nil {
		b.Close(b.t.Context())
	}
	cfg := sandbox.Config{Store: b.store, Runtime: b.runtime, Log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&cfg)
	}
	var err error
	if b.Manager, err = sandbox.New(b.t.Context(), cfg); err != nil {
		b.t.Fatal(err)
	}
	if err := b.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func request() sandbox.CreateRequest {
	timeout := int64(600)
	return sandbox.CreateRequest{
		Image: "debian:12", Entrypoint: []string{"sleep", "infinity"},
		Limits: map[string]string{"cpu": "500m", "memory": "128Mi"}, Timeout: &timeout,
	}
}

// create makes a sandbox and waits until nothing more happens.
func (b *bench) create(change ...func(*sandbox.CreateRequest)) string {
	b.t.Helper()
	req := request()
	for _, c := range change {
		c(&req)
	}
	sb, err := b.Create(b.t.Context(), req)
	if err != nil {
		b.t.Fatal(err)
	}
	if sb.Status.State != sandbox.Pending {
		b.t.Fatalf("create answered %s, want Pending", sb.Status.State)
	}
	time.Sleep(time.Second)
	synctest.Wait()
	return sb.ID
}

// want checks a sandbox's state and reason.
func (b *bench) want(id string, state sandbox.State, reason string) *sandbox.Sandbox {
	b.t.Helper()
	sb, err := b.Get(id)
	if err != nil {
		b.t.Fatalf("get: %v, want %s", err, state)
	}
	if sb.Status.State != state || sb.Status.Reason != reason {
		b.t.Fatalf("it is %s (%s: %s), want %s (%s)", sb.Status.State, sb.Status.Reason, sb.Status.Message, state, reason)
	}
	if sb.Status.Message == "" {
		b.t.Errorf("%s has no message", state)
	}
	if row := b.store.row(id); row == nil || row.Status.State != state {
		b.t.Errorf("the store says %v, want %s", row, state)
	}
	return sb
}

// refused checks the kind and code of a refusal.
func refused(t *testing.T, err error, kind sandbox.Kind, code string) {
	t.Helper()
	e := (*sandbox.Error)(nil)
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Errorf("got %v, want a refusal of kind %d with %s", err, kind, code)
	}
}

func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}
