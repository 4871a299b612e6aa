package steps

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) expiry(s *register) {
	s.step(`I renew the sandbox to (-?\d+) s from now`, func(ctx context.Context, seconds int) error {
		return w.renew(ctx, seconds, time.UTC)
	})
	s.step(`I renew the sandbox to (\d+) s from now, told in another zone`, func(ctx context.Context, seconds int) error {
		return w.renew(ctx, seconds, time.FixedZone("", 5*3600+1800))
	})
	s.step(`the answer and the sandbox have the expiry asked for, to the second`, func(ctx context.Context) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		if err := w.sameExpiry("the answer", box.Renewed); err != nil {
			return err
		}
		if _, err := w.look(ctx, box); err != nil {
			return err
		}
		return w.sameExpiry("the sandbox", box.Renewed)
	})
	s.step(`the answer is 200 and that expiry holds, or 400 and the one before does`, w.sooner)
	s.step(`the sandbox still has the expiry of the last renewal`, func(ctx context.Context) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		if _, err := w.look(ctx, box); err != nil {
			return err
		}
		return w.sameExpiry("the sandbox", box.Renewed)
	})
	s.step(`the sandbox has the expiry that it was created with`, func(ctx context.Context) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		created, ok := box.Created.time("expiresAt")
		if !ok {
			return unjudged("the create answer has no expiresAt")
		}
		if _, err := w.look(ctx, box); err != nil {
			return err
		}
		return w.sameExpiry("the sandbox", created)
	})
	s.step(`the sandbox ends by itself within (\d+) s of its expiry, and not before`, w.endsByItself)
	s.step(`the sandbox still runs (\d+) s after the expiry that it was created with`, w.outlives)
}

func (w *World) renew(ctx context.Context, seconds int, zone *time.Location) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	want := time.Now().Add(time.Duration(seconds) * time.Second).UTC().Truncate(time.Second)
	fields := map[string]any{"expiresAt": want.In(zone).Format(time.RFC3339)}
	if err := w.call(ctx, "renewSandboxExpiration", judge.Object(fields)); err != nil {
		return err
	}
	if w.last.OK() {
		box.Renewed = want
	}
	return nil
}

// tookRenewal remembers the expiry of a renewal that had to be refused and was not: that this is a fault is told once.
func (w *World) tookRenewal(id string) {
	if id != "renewSandboxExpiration" || !w.last.OK() || len(w.boxes) == 0 {
		return
	}
	if at, ok := body(w.last).time("expiresAt"); ok {
		w.boxes[len(w.boxes)-1].Renewed = at
	}
}

func (w *World) sameExpiry(what string, want time.Time) error {
	o := body(w.last)
	got, ok := o.time("expiresAt")
	return w.check(ok && got.Sub(want).Abs() < time.Second, what+" has another expiresAt", stamp(want), quoted(o.text("expiresAt"))+w.why())
}

// sooner checks a renewal to a time between now and the expiry that holds.
func (w *World) sooner(ctx context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	status := w.last.Status
	if err := w.status("200", "400"); err != nil || status != http.StatusOK && status != http.StatusBadRequest {
		return err
	}
	if _, err := w.look(ctx, box); err != nil {
		return err
	}
	return w.sameExpiry("the sandbox", box.Renewed)
}

func (w *World) endsByItself(ctx context.Context, seconds int) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	expires, ok := box.Created.time("expiresAt")
	if !ok {
		return unjudged("the create answer has no expiresAt")
	}
	limit := min(time.Duration(seconds)*time.Second, w.Target.Book.Deadlines.Expire)
	early := false
	over, err := w.await(ctx, box, time.Until(expires)+limit, func(x *exchange.Exchange) bool {
		over := gone(x) || body(x).text("status", "state") == "Stopping"
		early = early || over && time.Now().Before(expires.Add(-2*time.Second))
		return over
	})
	if err != nil {
		return err
	}
	if err := w.check(!early, "the sandbox ended before its time", "an end at "+stamp(expires), "at "+stamp(time.Now())); err != nil {
		return err
	}
	if err := w.check(over, "the sandbox did not end by itself", fmt.Sprintf("its end by %s", stamp(expires.Add(limit))), w.present(box)); err != nil {
		return err
	}
	if !over {
		return unjudged("the sandbox did not end by itself")
	}
	ended, err := w.await(ctx, box, w.Target.Book.Deadlines.Change, gone)
	if err != nil {
		return err
	}
	return w.check(ended, "the sandbox began to end by itself and did not get there", "Terminated, or 404", w.present(box))
}

func (w *World) outlives(ctx context.Context, seconds int) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	created, ok := box.Created.time("expiresAt")
	if !ok {
		return unjudged("the create answer has no expiresAt")
	}
	until := created.Add(time.Duration(seconds) * time.Second)
	ended, err := w.await(ctx, box, time.Until(until), func(x *exchange.Exchange) bool {
		return gone(x) || body(x).text("status", "state") == "Stopping"
	})
	if err != nil {
		return err
	}
	return w.check(!ended, "the old expiry ended a sandbox that was renewed", "Running until "+stamp(box.Renewed), w.present(box))
}
