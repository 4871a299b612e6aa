package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// renewal answers a renewal in another way: now is the sandbox as it is, nil if there is none.
func renewal(answer func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error)) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
			now, err := next.get(ctx, id)
			if err != nil {
				now = nil
			}
			return answer(ctx, next, act, now, id, until)
		}
	})
}

// later says that a renewal is a good one, to a time after the present expiry.
func later(now *lifecycleapi.Sandbox, until time.Time) bool {
	return now != nil && !in(now, "Stopping", "Terminated", "Failed") && until.After(now.ExpiresAt.Value)
}

// nearer says that a renewal is to a time between now and the present expiry.
func nearer(now *lifecycleapi.Sandbox, until time.Time) bool {
	return now != nil && !in(now, "Stopping", "Terminated", "Failed") && until.After(time.Now()) && until.Before(now.ExpiresAt.Value)
}

// renewMutants renew wrongly, or not at all.
func renewMutants() []Mutant {
	body := func(what string, change func(map[string]any)) Mutant {
		return Mutant{Requirement: "LC-RENEW-07", Wire: mutant.RewriteRequestJSON(renewSandbox, what, change)}
	}
	return []Mutant{
		{Requirement: "LC-RENEW-01", Wire: mutant.DropField(renewSandbox, "expiresAt")},
		{Requirement: "LC-RENEW-01", Wire: mutant.SetField(renewSandbox, "id", "7")},
		{Requirement: "LC-RENEW-01", Wire: mutant.Status(renewSandbox, 200, 202)},
		{Requirement: "LC-RENEW-01", Wire: mutant.EmptyBody(renewSandbox)},
		{Requirement: "LC-RENEW-01", Wire: mutant.ChangeField(renewSandbox, "expiresAt", "without a zone", func(v any) any { return strings.TrimSuffix(v.(string), "Z") })},
		{Requirement: "LC-RENEW-01", Wire: mutant.SetField(renewSandbox.On(400), "details", map[string]any{})},
		{Requirement: "LC-RENEW-02", Name: "a time that is over is taken", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if now != nil && !until.After(time.Now()) {
				act()
				return until, nil
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-02", Wire: mutant.Status(renewSandbox, 400, 409)},
		{Requirement: "LC-RENEW-02", Wire: mutant.Status(renewSandbox, 400, 422)},
		{Requirement: "LC-RENEW-03", Name: "a renewal is answered and not kept", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if later(now, until) {
				act()
				return until, nil
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-03", Name: "the old time is answered", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			got, err := next.renew(ctx, id, until)
			if err == nil {
				act()
				return now.ExpiresAt.Value, nil
			}
			return got, err
		})},
		{Requirement: "LC-RENEW-03", Name: "kept to the minute", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if minute := until.Truncate(time.Minute); later(now, minute) && !minute.Equal(until.Truncate(time.Second)) {
				act()
				until = minute
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-03", Name: "the zone of the time is not read", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if _, offset := until.Zone(); offset != 0 {
				act()
				until = until.Add(time.Duration(offset) * time.Second)
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-03", Name: "the time is added to the present one", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if later(now, until) {
				act()
				until = now.ExpiresAt.Value.Add(time.Until(until))
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-04", Name: "a nearer time is answered and not kept", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if nearer(now, until) {
				act()
				return until, nil
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-04", Name: "a nearer time is answered 200 with the old one", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if nearer(now, until) {
				act()
				return now.ExpiresAt.Value, nil
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-04", Name: "a nearer time is a conflict", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if nearer(now, until) {
				act()
				return time.Time{}, conflict()
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-04", Name: "a nearer time is answered 400, and kept", API: replaced(func(c *calls, next calls, act func()) {
			ends := ends{}
			c.showing(next, func() {}, ends.show)
			c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
				got, err := next.renew(ctx, id, until)
				if now, look := next.get(ctx, id); look == nil && err != nil && nearer(now, until) {
					act()
					ends.set(id, until)
				}
				return got, err
			}
		})},
		{Requirement: "LC-RENEW-05", Name: "the old time still ends it", API: replaced(func(c *calls, next calls, act func()) {
			ends := ends{}
			c.showing(next, func() {}, ends.show)
			c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
				if now, err := next.get(ctx, id); err == nil && later(now, until) {
					act()
					ends.set(id, until)
					return until, nil
				}
				return next.renew(ctx, id, until)
			}
		})},
		{Requirement: "LC-RENEW-06", Name: "what has ended is renewed", API: renewal(func(ctx context.Context, next calls, act func(), now *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			if now != nil && in(now, "Terminated") && until.After(time.Now()) {
				act()
				return until, nil
			}
			return next.renew(ctx, id, until)
		})},
		{Requirement: "LC-RENEW-06", Wire: mutant.Status(renewSandbox, 409, 400)},
		body("has a default for the time", func(req map[string]any) {
			if _, ok := req["expiresAt"]; !ok {
				req["expiresAt"] = time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
			}
		}),
		body("takes a time without a zone for UTC", func(req map[string]any) {
			if at, err := time.Parse("2006-01-02T15:04:05", stringOf(req["expiresAt"])); err == nil {
				req["expiresAt"] = at.Format(time.RFC3339)
			}
		}),
		body("takes a number for seconds since 1970", func(req map[string]any) {
			number, _ := req["expiresAt"].(json.Number)
			if seconds, err := number.Int64(); err == nil {
				req["expiresAt"] = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
			}
		}),
		body("takes what is no time for an hour from now", func(req map[string]any) {
			if _, err := time.Parse(time.RFC3339, stringOf(req["expiresAt"])); err != nil && req["expiresAt"] != nil {
				req["expiresAt"] = time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
			}
		}),
		{Requirement: "LC-RENEW-07", Wire: mutant.Status(renewSandbox, 400, 422)},
		{Requirement: "LC-RENEW-07", Name: "a renewal that was refused is carried out, with a default", HTTP: asked(renewedAnyway)},
		{Requirement: "LC-RENEW-08", Wire: mutant.Status(renewSandbox, 404, 409)},
		{Requirement: "LC-RENEW-08", Name: "what is unknown is renewed", API: renewal(func(ctx context.Context, next calls, act func(), _ *lifecycleapi.Sandbox, id string, until time.Time) (time.Time, error) {
			got, err := next.renew(ctx, id, until)
			if statusOf(err) == http.StatusNotFound {
				act()
				return until, nil
			}
			return got, err
		})},
	}
}

// ends are the times at which sandboxes are said to end, where that is not true.
type ends struct {
	mu   sync.Mutex
	byID map[string]time.Time
}

func (e *ends) set(id string, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID = map[string]time.Time{}
	}
	e.byID[id] = at
}

func (e *ends) drop(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byID, id)
}

func (e *ends) show(sb *lifecycleapi.Sandbox) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, ok := e.byID[sb.ID]
	if ok {
		sb.ExpiresAt.SetTo(at)
	}
	return ok
}

// renewedAnyway answers 400 as it should, and renews by an hour all the same.
func renewedAnyway(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/renew-expiration") {
		next.ServeHTTP(w, r)
		return
	}
	body := bodyOf(r)
	rec := ask(next, withBody(r, body))
	if req := jsonObject(body); rec.Code == http.StatusBadRequest && !timeIn(req) {
		again, err := json.Marshal(map[string]any{"expiresAt": time.Now().UTC().Add(time.Hour)})
		if err == nil && ask(next, withBody(r, bytes.Clone(again))).Code == http.StatusOK {
			act()
		}
	}
	tell(w, rec)
}

// timeIn says that a renewal has a time, good or not.
func timeIn(req map[string]any) bool {
	_, err := time.Parse(time.RFC3339, stringOf(req["expiresAt"]))
	return err == nil
}
