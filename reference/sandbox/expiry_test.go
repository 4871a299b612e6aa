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

func TestTimeRunsOutWithinASecond(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*fakeRuntime, *memory)
		bring   func(*testing.T, *bench, string)
	}{
		{"while running", nil, func(*testing.T, *bench, string) {}},
		{"while paused", nil, func(t *testing.T, b *bench, id string) {
			if err := b.Pause(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}},
		{"while pending", func(f *fakeRuntime, _ *memory) {
			f.provision = func(ctx context.Context, _ runtime.Spec) error { <-ctx.Done(); return ctx.Err() }
		}, func(*testing.T, *bench, string) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, c.prepare, func(t *testing.T, b *bench) {
				id := b.create()
				c.bring(t, b, id)
				settle()
				sb, err := b.Get(id)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Until(sb.ExpiresAt) - time.Millisecond)
				synctest.Wait()
				if now, _ := b.Get(id); !now.Status.State.Live() {
					t.Fatalf("it ended before its time: %s", now.Status.State)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				b.want(id, sandbox.Terminated, sandbox.ReasonExpired)
				if b.runtime.left() != 0 {
					t.Error("it is still there")
				}
			})
		})
	}
}

func TestManySandboxesEndEachAtItsTime(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		ids := map[string]time.Time{}
		for i := range 200 {
			id := b.create(func(r *sandbox.CreateRequest) {
				timeout := int64(60 + (i*7919)%1000)
				r.Timeout = &timeout
			})
			if sb, err := b.Get(id); err == nil {
				ids[id] = sb.ExpiresAt
			}
		}
		for range 1000 {
			for id, end := range ids {
				sb, err := b.Get(id)
				switch {
				case err != nil:
				case time.Now().Before(end) && !sb.Status.State.Live():
					t.Fatalf("%s ended %s early", id, time.Until(end))
				case time.Since(end) > time.Second && sb.Status.State != sandbox.Terminated:
					t.Fatalf("%s is %s, %s after its time", id, sb.Status.State, time.Since(end))
				}
			}
			settle()
		}
	}, func(c *sandbox.Config) { c.Retention = time.Hour })
}

func TestRenew(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		sb, _ := b.Get(id)
		old := sb.ExpiresAt
		for _, c := range []struct {
			name string
			at   time.Time
			kind sandbox.Kind
		}{
			{"the past", time.Now().Add(-time.Hour), sandbox.Invalid},
			{"now", time.Now(), sandbox.Invalid},
			{"before the present end", old.Add(-time.Second), sandbox.Invalid},
			{"the present end", old, sandbox.Invalid},
			{"too far", time.Now().Add(24*time.Hour + time.Second), sandbox.Invalid},
			{"the end of time", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), sandbox.Invalid},
		} {
			_, err := b.Renew(t.Context(), id, c.at)
			refused(t, err, c.kind, "INVALID_EXPIRATION")
			if now, _ := b.Get(id); !now.ExpiresAt.Equal(old) {
				t.Errorf("%s: the end changed", c.name)
			}
		}
		asked := old.Add(5*time.Minute + 123456789*time.Nanosecond).In(time.FixedZone("", 3600))
		got, err := b.Renew(t.Context(), id, asked)
		if err != nil || !got.Equal(asked) {
			t.Fatalf("renewed until %s (%v), want %s", got, err, asked)
		}
		if now, _ := b.Get(id); !now.ExpiresAt.Equal(asked) {
			t.Errorf("get says %s, want %s", now.ExpiresAt, asked)
		}
		time.Sleep(time.Until(old) + 30*time.Second)
		b.want(id, sandbox.Running, sandbox.ReasonReady)
		time.Sleep(time.Until(asked) + time.Second)
		b.want(id, sandbox.Terminated, sandbox.ReasonExpired)
		_, err = b.Renew(t.Context(), id, time.Now().Add(time.Hour))
		refused(t, err, sandbox.Conflict, "SANDBOX_NOT_RUNNING")
		_, err = b.Renew(t.Context(), "nobody", time.Now().Add(time.Hour))
		refused(t, err, sandbox.NotFound, "SANDBOX_NOT_FOUND")
	})
}

func TestManualCleanupLivesUntilDeleted(t *testing.T) {
	manual := func(c *sandbox.Config) { c.ManualCleanup = true }
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create(func(r *sandbox.CreateRequest) { r.Timeout = nil })
		if sb := b.want(id, sandbox.Running, sandbox.ReasonReady); !sb.ExpiresAt.IsZero() {
			t.Errorf("it ends at %s", sb.ExpiresAt)
		}
		_, err := b.Renew(t.Context(), id, time.Now().Add(time.Hour))
		refused(t, err, sandbox.Conflict, "SANDBOX_HAS_NO_EXPIRATION")
		_, err = b.Renew(t.Context(), id, time.Now().Add(-time.Hour))
		refused(t, err, sandbox.Invalid, "INVALID_EXPIRATION")
		time.Sleep(1000 * time.Hour)
		b.want(id, sandbox.Running, sandbox.ReasonReady)
	}, manual)
}

func TestWhatEndedIsForgottenAfterAWhile(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		id := b.create()
		if err := b.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Minute)
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
		b.store.breakWith(errors.New("disk full"))
		time.Sleep(2 * time.Minute)
		b.want(id, sandbox.Terminated, sandbox.ReasonDeleted)
		b.store.breakWith(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		_, err := b.Get(id)
		refused(t, err, sandbox.NotFound, "SANDBOX_NOT_FOUND")
		refused(t, b.Delete(t.Context(), id), sandbox.NotFound, "SANDBOX_NOT_FOUND")
		if page, _ := b.List(sandbox.Query{Page: 1, PageSize: 20}); page.TotalItems != 0 {
			t.Error("it is still in the list")
		}
		if b.store.row(id) != nil {
			t.Error("it is still in the store")
		}
	})
}
