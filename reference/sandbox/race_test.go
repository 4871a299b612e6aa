package sandbox_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// reachable is the table's closure: who polls may miss states.
func reachable() map[[2]sandbox.State]bool {
	can := map[[2]sandbox.State]bool{}
	for _, a := range sandbox.States() {
		for _, b := range sandbox.States() {
			can[[2]sandbox.State{a, b}] = a == b || a.LeadsTo(b)
		}
	}
	for _, k := range sandbox.States() {
		for _, a := range sandbox.States() {
			for _, b := range sandbox.States() {
				if can[[2]sandbox.State{a, k}] && can[[2]sandbox.State{k, b}] {
					can[[2]sandbox.State{a, b}] = true
				}
			}
		}
	}
	return can
}

// Everybody does everything at once, on a runtime that is slow and sometimes
// fails: whoever looks sees only what the table allows, and nothing is left.
func TestEverythingAtOnce(t *testing.T) {
	can := reachable()
	inBubble(t, func(f *fakeRuntime, _ *memory) {
		nap := func() { time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) }
		f.provision = func(ctx context.Context, _ runtime.Spec) error {
			nap()
			if rand.IntN(10) == 0 {
				return errors.New("bad luck")
			}
			return ctx.Err()
		}
		f.freeze = func(context.Context) error {
			nap()
			if rand.IntN(5) == 0 {
				return errors.New("bad luck")
			}
			return nil
		}
		f.remove = func() error {
			nap()
			if rand.IntN(5) == 0 {
				return errors.New("bad luck")
			}
			return nil
		}
	}, func(t *testing.T, b *bench) {
		ctx := t.Context()
		var ids []string
		for range 20 {
			sb, err := b.Create(ctx, request())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, sb.ID)
		}
		done := make(chan struct{})
		var actors, watchers sync.WaitGroup
		for _, id := range ids {
			watchers.Go(func() {
				last, err := b.Get(id)
				if err != nil {
					t.Error(err)
					return
				}
				for {
					select {
					case <-done:
						return
					case <-time.After(time.Millisecond):
					}
					now, err := b.Get(id)
					if err != nil {
						t.Error(err)
						return
					}
					from, to := last.Status, now.Status
					if !can[[2]sandbox.State{from.State, to.State}] {
						t.Errorf("seen %s, then %s", from.State, to.State)
					}
					if to.LastTransitionAt.Before(from.LastTransitionAt) || from.State != to.State && !to.LastTransitionAt.After(from.LastTransitionAt) {
						t.Errorf("%s at %s, then %s at %s", from.State, from.LastTransitionAt, to.State, to.LastTransitionAt)
					}
					last = now
				}
			})
			for range 3 {
				actors.Go(func() {
					for range 30 {
						time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
						switch n := rand.IntN(100); {
						case n < 35:
							_ = b.Pause(ctx, id)
						case n < 70:
							_ = b.Resume(ctx, id)
						case n < 90:
							_, _ = b.Renew(ctx, id, time.Now().Add(time.Hour))
						case n < 95:
							_, _ = b.List(sandbox.Query{Page: 1, PageSize: 10, States: []string{"Running"}})
						case n < 97:
							b.runtime.exit(runtime.Exit{ID: id, ExitCode: rand.IntN(2)})
						default:
							_ = b.Delete(ctx, id)
						}
					}
				})
			}
		}
		actors.Wait()
		for _, id := range ids {
			if err := b.Delete(ctx, id); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		close(done)
		watchers.Wait()
		for _, id := range ids {
			if sb, err := b.Get(id); err != nil || sb.Status.State != sandbox.Terminated {
				t.Errorf("in the end it is %v (%v), want Terminated", sb, err)
			}
		}
		if b.runtime.left() != 0 {
			t.Errorf("%d are still there", b.runtime.left())
		}
	})
}
