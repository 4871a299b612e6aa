package sandbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// The table of the contract, and the direct ways past a state that nobody
// would see.
func TestTheTableLeadsWhereTheContractSays(t *testing.T) {
	want := map[sandbox.State][]sandbox.State{
		sandbox.Pending:    {sandbox.Running, sandbox.Stopping, sandbox.Failed},
		sandbox.Running:    {sandbox.Pausing, sandbox.Stopping, sandbox.Terminated, sandbox.Failed},
		sandbox.Pausing:    {sandbox.Running, sandbox.Paused, sandbox.Stopping, sandbox.Terminated, sandbox.Failed},
		sandbox.Paused:     {sandbox.Resuming, sandbox.Stopping, sandbox.Terminated, sandbox.Failed},
		sandbox.Resuming:   {sandbox.Running, sandbox.Paused, sandbox.Stopping, sandbox.Terminated, sandbox.Failed},
		sandbox.Stopping:   {sandbox.Terminated, sandbox.Failed},
		sandbox.Terminated: nil,
		sandbox.Failed:     {sandbox.Stopping},
	}
	for _, from := range sandbox.States() {
		for _, to := range sandbox.States() {
			if got := from.LeadsTo(to); got != slices.Contains(want[from], to) {
				t.Errorf("%s leads to %s: %t", from, to, got)
			}
		}
	}
}

func TestCreateAnswersPendingAndBecomesRunning(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create(func(r *sandbox.CreateRequest) {
			r.Env = map[string]string{"A": "b"}
			r.Metadata = map[string]string{"project": "apollo"}
			r.Auth = &runtime.Auth{Username: "u", Password: "p"}
		})
		sb := b.want(id, sandbox.Running, sandbox.ReasonReady)
		if life := sb.ExpiresAt.Sub(sb.CreatedAt); life != 600*time.Second {
			t.Errorf("it lives %s, want 600s", life)
		}
		spec := b.runtime.specs[id]
		want := runtime.Spec{
			ID: id, Image: "debian:12", Entrypoint: []string{"sleep", "infinity"}, Token: sb.Token,
			Env: map[string]string{"A": "b"}, Auth: &runtime.Auth{Username: "u", Password: "p"},
			Limits: runtime.Limits{NanoCPUs: 5e8, MemoryBytes: 128 << 20},
		}
		if diff := cmp.Diff(want, spec); diff != "" {
			t.Errorf("asked of the runtime (-want +got):\n%s", diff)
		}
		if len(sb.Token) < 20 {
			t.Errorf("token %q is short", sb.Token)
		}
		if sb.Env != nil {
			t.Error("env is kept although nobody needs it any more")
		}
	})
}

func TestWhatCanNotBeMadeFailsWithItsCause(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		state  sandbox.State
		reason string
	}{
		{"image missing", &runtime.Failure{Reason: runtime.ReasonImageNotFound, Message: "no such image"}, sandbox.Failed, runtime.ReasonImageNotFound},
		{"anything", errors.New("socket gone"), sandbox.Failed, runtime.ReasonRuntimeError},
		{"entrypoint missing", &runtime.Exited{Exit: runtime.Exit{ExitCode: 127}}, sandbox.Failed, runtime.ReasonEntrypointNotFound},
		{"entrypoint no program", &runtime.Exited{Exit: runtime.Exit{ExitCode: 126}}, sandbox.Failed, runtime.ReasonEntrypointNotStarted},
		{"ended at once", &runtime.Exited{Exit: runtime.Exit{ExitCode: 0}}, sandbox.Terminated, sandbox.ReasonEntrypointExited},
		{"broke at once", &runtime.Exited{Exit: runtime.Exit{ExitCode: 3}}, sandbox.Failed, sandbox.ReasonEntrypointExited},
		{"too little memory", &runtime.Exited{Exit: runtime.Exit{ExitCode: 137, OOMKilled: true}}, sandbox.Failed, sandbox.ReasonOutOfMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(f *fakeRuntime, _ *memory) {
				f.provision = func(context.Context, runtime.Spec) error { return c.err }
			}, func(t *testing.T, b *bench) {
				id := b.create()
				sb := b.want(id, c.state, c.reason)
				if c.name == "anything" && sb.Status.Message == c.err.Error() {
					t.Error("the message shows the server's inside")
				}
			})
		})
	}
}

func TestADaemonThatNeverAnswersFailsTheSandbox(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) { f.deaf = true }, func(t *testing.T, b *bench) {
		id := b.create()
		b.want(id, sandbox.Pending, sandbox.ReasonProvisioning)
		time.Sleep(31 * time.Second)
		b.want(id, sandbox.Failed, sandbox.ReasonExecdUnreachable)
		if b.runtime.left() != 0 {
			t.Error("it is still there")
		}
	})
}

func TestDeleteOfPendingBreaksOffProvisioning(t *testing.T) {
	stopped := make(chan struct{}, 1)
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(ctx context.Context, _ runtime.Spec) error {
			<-ctx.Done()
			stopped <- struct{}{}
			return ctx.Err()
		}
	}, func(t *testing.T, b *bench) {
		stopped = make(chan struct{}, 1)
		id := b.create()
		b.want(id, sandbox.Pending, sandbox.ReasonProvisioning)
		if err := b.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		<-stopped
		settle()
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
		if b.runtime.left() != 0 || b.runtime.count("remove") == 0 {
			t.Error("nobody cleaned up")
		}
	})
}

func TestDelete(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		refused(t, b.Delete(t.Context(), "nobody"), sandbox.NotFound, "SANDBOX_NOT_FOUND")
		id := b.create()
		block := make(chan struct{})
		b.runtime.remove = func() error { <-block; return nil }
		for range 2 { // the second changes nothing
			if err := b.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			b.want(id, sandbox.Stopping, sandbox.ReasonDeleted)
		}
		close(block)
		settle()
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
		if b.runtime.left() != 0 {
			t.Error("it is still there")
		}
		if err := b.Delete(t.Context(), id); err != nil {
			t.Errorf("a delete repeated: %v", err)
		}
	})
}

func TestDeleteOfFailedTerminates(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(context.Context, runtime.Spec) error { return errors.New("no") }
	}, func(t *testing.T, b *bench) {
		id := b.create()
		if err := b.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
	})
}

func TestRemovalIsRepeatedUntilItSucceeds(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		failures := 5
		b.runtime.remove = func() error {
			if failures--; failures >= 0 {
				return errors.New("the engine is away")
			}
			return nil
		}
		if err := b.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
		if b.runtime.left() != 0 {
			t.Error("it is still there")
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		refused(t, b.Resume(t.Context(), id), sandbox.Conflict, "SANDBOX_NOT_PAUSED")
		block := make(chan struct{})
		b.runtime.freeze = func(context.Context) error { <-block; return nil }
		if err := b.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.want(id, sandbox.Pausing, sandbox.ReasonPauseRequested)
		refused(t, b.Pause(t.Context(), id), sandbox.Conflict, "SANDBOX_NOT_RUNNING")
		close(block)
		settle()
		b.want(id, sandbox.Paused, sandbox.ReasonPaused)
		if !b.runtime.instance(id).Paused {
			t.Error("it is not paused")
		}
		refused(t, b.Pause(t.Context(), id), sandbox.Conflict, "SANDBOX_NOT_RUNNING")
		if err := b.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.want(id, sandbox.Running, sandbox.ReasonResumed)
		if b.runtime.instance(id).Paused {
			t.Error("it is paused")
		}
	})
}

func TestAPauseOrResumeThatFailsGoesBack(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		broken := func(context.Context) error { return errors.New("no freezer") }
		b.runtime.freeze = broken
		if err := b.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.want(id, sandbox.Running, sandbox.ReasonPauseFailed)
		b.runtime.freeze = nil
		if err := b.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.runtime.freeze = broken
		if err := b.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.want(id, sandbox.Paused, sandbox.ReasonResumeFailed)
	})
}

func TestDeleteInTheMiddleOfAPause(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		b.runtime.freeze = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		if err := b.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
	})
}

func TestAnEndBehindOurBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		exit   runtime.Exit
		state  sandbox.State
		reason string
	}{
		{"status 0", runtime.Exit{}, sandbox.Terminated, sandbox.ReasonEntrypointExited},
		{"status 3", runtime.Exit{ExitCode: 3, Message: "boom"}, sandbox.Failed, sandbox.ReasonEntrypointExited},
		{"a script's own 127", runtime.Exit{ExitCode: 127}, sandbox.Failed, sandbox.ReasonEntrypointExited},
		{"memory", runtime.Exit{ExitCode: 137, OOMKilled: true}, sandbox.Failed, sandbox.ReasonOutOfMemory},
		{"removed", runtime.Exit{Removed: true}, sandbox.Failed, sandbox.ReasonInstanceLost},
	} {
		for _, paused := range []bool{false, true} {
			name := c.name
			if paused {
				name += " while paused"
			}
			t.Run(name, func(t *testing.T) {
				inBubble(t, nil, func(t *testing.T, b *bench) {
					id := b.create()
					if paused {
						if err := b.Pause(t.Context(), id); err != nil {
							t.Fatal(err)
						}
						settle()
					}
					c.exit.ID = id
					b.runtime.exit(c.exit)
					settle()
					b.want(id, c.state, c.reason)
					if b.runtime.left() != 0 {
						t.Error("what ran it is still there")
					}
				})
			})
		}
	}
}

func TestAnEndWhilePendingEndsTheWait(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) { f.deaf = true }, func(t *testing.T, b *bench) {
		id := b.create()
		b.runtime.exit(runtime.Exit{ID: id, ExitCode: 127, Message: "exec /nowhere: no such file or directory"})
		settle()
		sb := b.want(id, sandbox.Failed, runtime.ReasonEntrypointNotFound)
		if want := "the entrypoint, or a program that it starts, is not in the image: exec /nowhere: no such file or directory"; sb.Status.Message != want {
			t.Errorf("message %q, want %q", sb.Status.Message, want)
		}
	})
}

// Who waits for a sandbox is told when it is Pending no more, and not before, unless the wait is over.
func TestWaitingForTheStart(t *testing.T) {
	for _, end := range []struct {
		err   error
		state sandbox.State
	}{{nil, sandbox.Running}, {errors.New("bad luck"), sandbox.Failed}} {
		inBubble(t, func(f *fakeRuntime, _ *memory) {
			f.provision = func(context.Context, runtime.Spec) error {
				time.Sleep(700 * time.Millisecond)
				return end.err
			}
		}, func(t *testing.T, b *bench) {
			sb, err := b.Create(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			for _, c := range []struct {
				ctx   context.Context
				wait  time.Duration
				took  time.Duration
				state sandbox.State
			}{
				{gone, time.Second, 0, sandbox.Pending},
				{t.Context(), 200 * time.Millisecond, 200 * time.Millisecond, sandbox.Pending},
				{t.Context(), time.Second, 500 * time.Millisecond, end.state},
				{t.Context(), time.Second, 0, end.state},
			} {
				began := time.Now()
				got, err := b.Started(c.ctx, sb.ID, c.wait)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); got.Status.State != c.state || took != c.took {
					t.Errorf("waited %s for %s: %s after %s, want %s after %s", c.wait, end.state, got.Status.State, took, c.state, c.took)
				}
			}
			_, err = b.Started(t.Context(), "nobody", time.Second)
			refused(t, err, sandbox.NotFound, "SANDBOX_NOT_FOUND")
		})
	}
}
