package sandbox_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// awayFor lets the runtime answer nothing for so many calls.
func awayFor(calls int) func() error {
	return func() error {
		if calls--; calls >= 0 {
			return fmt.Errorf("%w: connection refused", runtime.ErrUnavailable)
		}
		return nil
	}
}

func TestASandboxIsMadeWhenTheRuntimeIsBack(t *testing.T) {
	away := awayFor(5)
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(context.Context, runtime.Spec) error { return away() }
	}, func(t *testing.T, b *bench) {
		id := b.create()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.want(id, sandbox.Running, sandbox.ReasonReady)
	})
}

func TestARuntimeThatStaysAwayIsNamed(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		f.provision = func(context.Context, runtime.Spec) error {
			return &runtime.Failure{Reason: runtime.ReasonRuntimeUnavailable, Message: "away", Err: runtime.ErrUnavailable}
		}
	}, func(t *testing.T, b *bench) {
		id := b.create()
		time.Sleep(30 * time.Second)
		b.want(id, sandbox.Pending, sandbox.ReasonProvisioning)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		b.want(id, sandbox.Failed, runtime.ReasonRuntimeUnavailable)
	})
}

// While nobody knows whether it stands still, it is neither Running nor Paused.
func TestAPauseIsAskedForUntilTheRuntimeAnswers(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		for _, c := range []struct {
			do            func(context.Context, string) error
			waits, then   sandbox.State
			reason, ended string
		}{
			{b.Pause, sandbox.Pausing, sandbox.Paused, sandbox.ReasonPauseRequested, sandbox.ReasonPaused},
			{b.Resume, sandbox.Resuming, sandbox.Running, sandbox.ReasonResumeRequested, sandbox.ReasonResumed},
		} {
			away := awayFor(8)
			b.runtime.freeze = func(context.Context) error { return away() }
			if err := c.do(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			settle()
			b.want(id, c.waits, c.reason)
			time.Sleep(time.Minute)
			synctest.Wait()
			b.want(id, c.then, c.ended)
		}
	})
}

// A sandbox that was found Pending and was just being removed by the last run
// is made anew, but not for ever.
func TestWhatTheLastRunWasRemovingIsMadeAnew(t *testing.T) {
	inBubble(t, func(f *fakeRuntime, s *memory) {
		s.rows[someID] = left(sandbox.Pending)
		f.instances[someID] = &runtime.Instance{ID: someID, Running: true}
		f.deaf = true
	}, func(t *testing.T, b *bench) {
		settle()
		b.want(someID, sandbox.Pending, "BEFORE")
		b.runtime.deaf = false
		b.runtime.exit(runtime.Exit{ID: someID, Removed: true})
		settle()
		b.want(someID, sandbox.Running, sandbox.ReasonReady)
		b.runtime.exit(runtime.Exit{ID: someID, Removed: true})
		settle()
		b.want(someID, sandbox.Failed, sandbox.ReasonInstanceLost)
	})
}
