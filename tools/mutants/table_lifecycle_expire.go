package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// late is how much later than said a sandbox ends that should have ended: after every deadline of the suite.
const late = 10 * time.Minute

// expireMutants say the wrong end, or don't keep to it.
func expireMutants() []Mutant {
	says := func(what string, end func(created, expires time.Time) time.Time) Mutant {
		return Mutant{Requirement: "LC-EXPIRE-01", Wire: mutant.JSONBody(createSandbox, what, func(sb map[string]any) {
			created, err1 := time.Parse(time.RFC3339Nano, stringOf(sb["createdAt"]))
			expires, err2 := time.Parse(time.RFC3339Nano, stringOf(sb["expiresAt"]))
			if err1 == nil && err2 == nil {
				sb["expiresAt"] = end(created, expires).Format(time.RFC3339Nano)
			}
		})}
	}
	return []Mutant{
		says("expiresAt takes the timeout for minutes", func(created, expires time.Time) time.Time {
			return created.Add(60 * expires.Sub(created))
		}),
		says("expiresAt is 10 s late", func(_, expires time.Time) time.Time { return expires.Add(10 * time.Second) }),
		says("expiresAt is 10 s early", func(_, expires time.Time) time.Time { return expires.Add(-10 * time.Second) }),
		says("expiresAt is local time with a Z", func(_, expires time.Time) time.Time { return expires.Add(2 * time.Hour) }),
		says("expiresAt is createdAt", func(created, _ time.Time) time.Time { return created }),
		{Requirement: "LC-EXPIRE-01", Wire: mutant.RewriteRequestJSON(createSandbox, "the server's own timeout, an hour", func(req map[string]any) {
			if n, ok := req["timeout"].(json.Number); ok {
				if seconds, err := n.Int64(); err == nil && seconds >= 60 {
					req["timeout"] = 3600
				}
			}
		})},
		{Requirement: "LC-EXPIRE-02", Name: "expiry never comes", Setup: Setup{Quick: true}, API: replaced(func(c *calls, next calls, act func()) {
			c.showing(next, func() {}, func(sb *lifecycleapi.Sandbox) bool {
				sb.ExpiresAt.SetTo(sb.ExpiresAt.Value.Add(-late))
				return true
			})
			c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
				longer := *req
				if seconds, ok := longer.Timeout.Get(); ok && seconds >= 60 {
					longer.Timeout.SetTo(seconds + int(late/time.Second))
				}
				res, err := next.create(ctx, &longer)
				if err == nil {
					act()
					res.Response.ExpiresAt.SetTo(res.Response.ExpiresAt.Value.Add(-late))
				}
				return res, err
			}
			c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
				got, err := next.renew(ctx, id, until.Add(late))
				return got.Add(-late), err
			}
		})},
		{Requirement: "LC-EXPIRE-02", Name: "Stopping for ever when its time ran out", Setup: Setup{Quick: true}, API: shows(func(sb *lifecycleapi.Sandbox) bool {
			if !in(sb, "Terminated") || sb.Status.Reason.Value != "EXPIRED" {
				return false
			}
			sb.Status.State = "Stopping"
			return true
		})},
		{Requirement: "LC-EXPIRE-03", Name: "a paused sandbox does not expire", Setup: Setup{Quick: true}, API: replaced(func(c *calls, next calls, act func()) {
			var mu sync.Mutex
			paused := map[string]bool{}
			c.showing(next, func() {}, func(sb *lifecycleapi.Sandbox) bool {
				mu.Lock()
				defer mu.Unlock()
				if paused[sb.ID] {
					sb.ExpiresAt.SetTo(sb.ExpiresAt.Value.Add(-late))
				}
				return true
			})
			c.pause = func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, "Running") {
					mu.Lock()
					defer mu.Unlock()
					if !paused[id] {
						if _, err := next.renew(ctx, id, sb.ExpiresAt.Value.Add(late)); err == nil {
							act()
							paused[id] = true
						}
					}
				}
				return next.pause(ctx, id)
			}
		})},
	}
}

// expiryVariants write times in other ways, and shorten the life of a sandbox where that is asked for.
func expiryVariants() []Benign {
	return []Benign{
		times("times with the offset +00:00", func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999999-07:00") }),
		times("times of another zone, without fractions", func(at time.Time) string {
			return at.In(time.FixedZone("", 5*3600+1800)).Format(time.RFC3339)
		}),
		times("times with nine digits", func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00") }),
		{Wire: mutant.RewriteRequestJSON(createSandbox.WithHeader("OPEN-SANDBOX-API-KEY", apiKey), "3 s more than asked for", func(req map[string]any) {
			if n, ok := req["timeout"].(json.Number); ok {
				if seconds, err := n.Int64(); err == nil && seconds >= 60 {
					req["timeout"] = seconds + 3
				}
			}
		}), Expiry: true},
		{Name: "a renewal to a nearer time is taken", Expiry: true, API: replaced(shortens)},
		{Name: "what has ended by itself is 404 at once", Expiry: true, API: endedIsGone("Stopping", "Terminated")},
	}
}

// shortens takes renewals to a nearer time, and keeps to it.
func shortens(c *calls, next calls, act func()) {
	var said ends
	c.showing(next, func() {}, said.show)
	shown := c.get
	c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
		sb, err := shown(ctx, id)
		if err == nil && !in(sb, "Stopping", "Terminated", "Failed") && !time.Now().Before(sb.ExpiresAt.Value) {
			_ = next.remove(ctx, id) // its time is over; the next look tries again
			return shown(ctx, id)
		}
		return sb, err
	}
	c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
		now, err := shown(ctx, id)
		if err == nil && nearer(now, until) {
			act()
			said.set(id, until)
			return until, nil
		}
		got, err := next.renew(ctx, id, until)
		if err == nil {
			said.drop(id)
		}
		return got, err
	}
}
