package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

const someID = "6f1c2a34-0000-4000-8000-000000000001"

// left is a sandbox as an earlier server left it in the store.
func left(state sandbox.State) *sandbox.Sandbox {
	return &sandbox.Sandbox{
		ID: someID, Image: "debian:12", Entrypoint: []string{"sleep", "infinity"}, Token: "token-of-before",
		CreatedAt: time.Now().Add(-time.Minute).UTC(), ExpiresAt: time.Now().Add(time.Hour).UTC(),
		Status: sandbox.Status{State: state, Reason: "BEFORE", Message: "as it was", LastTransitionAt: time.Now().Add(-time.Minute).UTC()},
	}
}

// A row as the last server left it, and what the runtime has, become what they
// should be.
func TestAStartTakesOverFromTheLastRun(t *testing.T) {
	running := &runtime.Instance{ID: someID, Running: true}
	paused := &runtime.Instance{ID: someID, Running: true, Paused: true}
	made := &runtime.Instance{ID: someID}
	ended := func(code int) *runtime.Instance {
		return &runtime.Instance{ID: someID, Exit: &runtime.Exit{ID: someID, ExitCode: code}}
	}
	for _, c := range []struct {
		name     string
		row      sandbox.State
		instance *runtime.Instance
		state    sandbox.State
		reason   string
		left     int
	}{
		{"running goes on", sandbox.Running, running, sandbox.Running, "BEFORE", 1},
		{"paused stays", sandbox.Paused, paused, sandbox.Paused, "BEFORE", 1},
		{"paused, but runs", sandbox.Paused, running, sandbox.Paused, "BEFORE", 1},
		{"running, but paused", sandbox.Running, paused, sandbox.Running, "BEFORE", 1},
		{"pausing is finished", sandbox.Pausing, running, sandbox.Paused, sandbox.ReasonPaused, 1},
		{"resuming is finished", sandbox.Resuming, paused, sandbox.Running, sandbox.ReasonResumed, 1},
		{"running is gone", sandbox.Running, nil, sandbox.Failed, sandbox.ReasonInstanceLost, 0},
		{"running ended well", sandbox.Running, ended(0), sandbox.Terminated, sandbox.ReasonEntrypointExited, 0},
		{"running ended badly", sandbox.Running, ended(2), sandbox.Failed, sandbox.ReasonEntrypointExited, 0},
		{"paused is gone", sandbox.Paused, nil, sandbox.Failed, sandbox.ReasonInstanceLost, 0},
		{"pending without anything", sandbox.Pending, nil, sandbox.Running, sandbox.ReasonReady, 1},
		{"pending, made", sandbox.Pending, made, sandbox.Running, sandbox.ReasonReady, 1},
		{"pending, started", sandbox.Pending, running, sandbox.Running, sandbox.ReasonReady, 1},
		{"pending, entrypoint missing", sandbox.Pending, ended(127), sandbox.Failed, runtime.ReasonEntrypointNotFound, 0},
		{"pending, ended well", sandbox.Pending, ended(0), sandbox.Terminated, sandbox.ReasonEntrypointExited, 0},
		{"stopping is finished", sandbox.Stopping, running, sandbox.Terminated, "BEFORE", 0},
		{"stopping was done", sandbox.Stopping, nil, sandbox.Terminated, "BEFORE", 0},
		{"terminated with remains", sandbox.Terminated, ended(0), sandbox.Terminated, "BEFORE", 0},
		{"failed with remains", sandbox.Failed, running, sandbox.Failed, "BEFORE", 0},
		{"failed", sandbox.Failed, nil, sandbox.Failed, "BEFORE", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(f *fakeRuntime, s *memory) {
				s.rows[someID] = left(c.row)
				if c.instance != nil {
					copied := *c.instance
					f.instances[someID] = &copied
					f.specs[someID] = runtime.Spec{Token: "token-of-before"}
				}
			}, func(t *testing.T, b *bench) {
				settle()
				sb := b.want(someID, c.state, c.reason)
				if b.runtime.left() != c.left {
					t.Errorf("%d instances are left, want %d", b.runtime.left(), c.left)
				}
				if i := b.runtime.instance(someID); i != nil && i.Paused != (sb.Status.State == sandbox.Paused) {
					t.Errorf("paused %t while %s", i.Paused, sb.Status.State)
				}
				if sb.Token != "token-of-before" {
					t.Error("the token changed")
				}
			})
		})
	}
}

func TestTimeThatRanOutWhileTheServerWasDown(t *testing.T) {
	for _, state := range []sandbox.State{sandbox.Pending, sandbox.Running, sandbox.Pausing, sandbox.Paused, sandbox.Resuming} {
		t.Run(string(state), func(t *testing.T) {
			inBubble(t, func(f *fakeRuntime, s *memory) {
				sb := left(state)
				sb.ExpiresAt = time.Now().Add(-time.Second).UTC()
				s.rows[someID] = sb
				f.instances[someID] = &runtime.Instance{ID: someID, Running: true}
			}, func(t *testing.T, b *bench) {
				settle()
				b.want(someID, sandbox.Terminated, sandbox.ReasonExpired)
				if b.runtime.left() != 0 {
					t.Error("it is still there")
				}
			})
		})
	}
}

func TestATimeThatRunsOutAfterARestart(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		b.restart()
		b.want(id, sandbox.Running, sandbox.ReasonReady)
		time.Sleep(601 * time.Second)
		synctest.Wait()
		b.want(id, sandbox.Terminated, sandbox.ReasonExpired)
		b.restart()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		_, err := b.Get(id)
		refused(t, err, sandbox.NotFound, "SANDBOX_NOT_FOUND")
	})
}

func TestWhatNobodyKnowsIsRemoved(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.instances["stranger"] = &runtime.Instance{ID: "stranger", Running: true}
	}, func(t *testing.T, b *bench) {
		settle()
		if b.runtime.left() != 0 {
			t.Error("it is still there")
		}
	})
}

func TestCredentialsThatAreGoneAreNamed(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, s *memory) {
		sb := left(sandbox.Pending)
		sb.Credentials = true
		s.rows[someID] = sb
		f.provision = func(_ context.Context, spec runtime.Spec) error {
			if spec.Auth != nil {
				t.Error("credentials were kept")
			}
			return &runtime.Failure{Reason: runtime.ReasonImagePullDenied, Message: "denied"}
		}
	}, func(t *testing.T, b *bench) {
		settle()
		b.want(someID, sandbox.Failed, sandbox.ReasonCredentialsGone)
	})
}

func TestProvisioningGoesOnAfterARestart(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(ctx context.Context, _ runtime.Spec) error { <-ctx.Done(); return ctx.Err() }
	}, func(t *testing.T, b *bench) {
		id := b.create(func(r *sandbox.CreateRequest) { r.Env = map[string]string{"A": "b"} })
		closing, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		b.Close(closing)
		b.Manager = nil
		if b.store.row(id).Status.State != sandbox.Pending {
			t.Fatalf("closing made it %s", b.store.row(id).Status.State)
		}
		b.runtime.provision = nil
		b.restart()
		settle()
		b.want(id, sandbox.Running, sandbox.ReasonReady)
		if b.runtime.specs[id].Env["A"] != "b" {
			t.Error("env was lost")
		}
	})
}

func TestCloseWaitsForWorkInProgress(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(context.Context, runtime.Spec) error { time.Sleep(3 * time.Second); return nil }
	}, func(t *testing.T, b *bench) {
		sb, err := b.Create(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		closing, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		b.Close(closing)
		b.want(sb.ID, sandbox.Running, sandbox.ReasonReady)
	})
}

func TestAStoreThatFailsIsNotPassedOver(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		full := errors.New("disk full")
		b.store.breakWith(full)
		if _, err := b.Create(t.Context(), request()); !errors.Is(err, full) {
			t.Errorf("create: %v", err)
		}
		if err := b.Pause(t.Context(), id); !errors.Is(err, full) {
			t.Errorf("pause: %v", err)
		}
		if err := b.Delete(t.Context(), id); !errors.Is(err, full) {
			t.Errorf("delete: %v", err)
		}
		if _, err := b.Renew(t.Context(), id, time.Now().Add(time.Hour)); !errors.Is(err, full) {
			t.Errorf("renew: %v", err)
		}
		b.want(id, sandbox.Running, sandbox.ReasonReady)
		if page, _ := b.List(sandbox.Query{Page: 1, PageSize: 20}); page.TotalItems != 1 {
			t.Errorf("%d sandboxes, want 1", page.TotalItems)
		}
		// What comes behind an answer waits for the store.
		b.runtime.exit(runtime.Exit{ID: id})
		settle()
		b.store.breakWith(nil)
		time.Sleep(10 * time.Second)
		b.want(id, sandbox.Terminated, sandbox.ReasonEntrypointExited)
	})
}
