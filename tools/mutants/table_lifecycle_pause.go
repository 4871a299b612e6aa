package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// pauseMutants pause wrongly, or not at all.
func pauseMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-PAUSE-01", Wire: mutant.Status(pauseSandbox, 202, 200)},
		{Requirement: "LC-PAUSE-01", Wire: mutant.Status(pauseSandbox, 202, 204)},
		{Requirement: "LC-PAUSE-01", Wire: mutant.Body(pauseSandbox, "a body where there should be none", func([]byte) []byte { return []byte(`{"state":"Pausing"}`) })},
		{Requirement: "LC-PAUSE-01", Wire: mutant.DropField(pauseSandbox.On(409), "message")},
		{Requirement: "LC-PAUSE-01", Wire: mutant.EmptyBody(pauseSandbox.On(404))},
		{Requirement: "LC-PAUSE-02", Name: "pausing what is Paused is 202", API: accepts(true, "Paused")},
		{Requirement: "LC-PAUSE-02", Name: "pausing what has ended is 202", API: accepts(true, "Terminated")},
		{Requirement: "LC-PAUSE-02", Name: "pausing what has failed is 202", API: accepts(true, "Failed")},
		{Requirement: "LC-PAUSE-02", Wire: mutant.Status(pauseSandbox, 409, 400)},
		{Requirement: "LC-PAUSE-03", Name: "a pause does not pause", Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
			e.pause = func(context.Context, string) error {
				act()
				return nil
			}
		})},
		{Requirement: "LC-PAUSE-03", Name: "a pause never ends", Setup: Setup{Quick: true}, Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
			e.pause = never(act)
		})},
		{Requirement: "LC-PAUSE-03", Name: "a pause fails", Setup: Setup{Quick: true}, Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
			e.pause = func(context.Context, string) error {
				act()
				return errors.New("the cgroup can't be frozen")
			}
		})},
		{Requirement: "LC-PAUSE-03", Name: "a pause is accepted and forgotten", Setup: Setup{Quick: true}, API: accepts(true, "Running")},
		{Requirement: "LC-PAUSE-04", Name: "a paused sandbox has no expiry", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			if !in(sb, "Paused") {
				return false
			}
			sb.ExpiresAt.Reset()
			return true
		})},
		{Requirement: "LC-PAUSE-04", Name: "a pause renews by ten minutes", API: replaced(func(c *calls, next calls, act func()) {
			c.pause = func(ctx context.Context, id string) error {
				sb, err := next.get(ctx, id)
				if err == nil && in(sb, "Running") {
					if _, err := next.renew(ctx, id, sb.ExpiresAt.Value.Add(10*time.Minute)); err == nil {
						act()
					}
				}
				return next.pause(ctx, id)
			}
		})},
		{Requirement: "LC-PAUSE-04", Name: "the time that it was paused is added at resume", API: lengthens()},
		{Requirement: "LC-PAUSE-05", Wire: mutant.Status(pauseSandbox, 404, 202)},
		{Requirement: "LC-PAUSE-05", Wire: mutant.Status(pauseSandbox, 404, 409)},
	}
}

// lengthens begins the whole of a sandbox's time anew when it is resumed.
func lengthens() decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.resume = func(ctx context.Context, id string) error {
			sb, err := next.get(ctx, id)
			if err == nil && in(sb, "Paused") {
				life := sb.ExpiresAt.Value.Sub(sb.CreatedAt)
				if _, err := next.renew(ctx, id, time.Now().Add(life+5*time.Second)); err == nil {
					act()
				}
			}
			return next.resume(ctx, id)
		}
	})
}

// accepts answers 202 to a pause, or else a resume, of a sandbox in a state, and does nothing.
func accepts(pause bool, state string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		unless := func(do func(context.Context, string) error) func(context.Context, string) error {
			return func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, state) {
					act()
					return nil
				}
				return do(ctx, id)
			}
		}
		if pause {
			c.pause = unless(next.pause)
		} else {
			c.resume = unless(next.resume)
		}
	})
}

// resumeMutants resume wrongly, or not at all.
func resumeMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-RESUME-01", Wire: mutant.Status(resumeSandbox, 202, 200)},
		{Requirement: "LC-RESUME-01", Wire: mutant.Body(resumeSandbox, "a body where there should be none", func([]byte) []byte { return []byte(`{}`) })},
		{Requirement: "LC-RESUME-01", Wire: mutant.ContentType(resumeSandbox.On(409), "text/plain")},
		{Requirement: "LC-RESUME-01", Wire: mutant.SetField(resumeSandbox.On(404), "status", 404)},
		{Requirement: "LC-RESUME-02", Name: "resuming what is Running is 202", API: accepts(false, "Running")},
		{Requirement: "LC-RESUME-02", Name: "resuming what has ended is 202", API: accepts(false, "Terminated")},
		{Requirement: "LC-RESUME-02", Wire: mutant.Status(resumeSandbox, 409, 400)},
		{Requirement: "LC-RESUME-03", Name: "a resume is accepted and forgotten", Setup: Setup{Quick: true}, API: accepts(false, "Paused")},
		{Requirement: "LC-RESUME-03", Name: "Running is said, and nothing runs", Setup: Setup{Quick: true}, Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
			e.resume = func(context.Context, string) error {
				act()
				return nil
			}
		})},
		{Requirement: "LC-RESUME-03", Name: "a resume never ends", Setup: Setup{Quick: true}, Runtime: engineWith(func(e *engine, _ runtime.Runtime, act func()) {
			e.resume = never(act)
		})},
		afresh(),
		{Requirement: "LC-RESUME-03", Name: "Failed after a resume", Setup: Setup{Quick: true}, API: replaced(func(c *calls, next calls, act func()) {
			var mu sync.Mutex
			broken := map[string]bool{}
			c.showing(next, act, func(sb *lifecycleapi.Sandbox) bool {
				mu.Lock()
				defer mu.Unlock()
				if !broken[sb.ID] || !in(sb, "Running", "Resuming") {
					return false
				}
				sb.Status.State = "Failed"
				return true
			})
			c.resume = func(ctx context.Context, id string) error {
				err := next.resume(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				broken[id] = err == nil
				return err
			}
		})},
		loses("processes are gone after a resume"),
		{Requirement: "LC-RESUME-05", Wire: mutant.Status(resumeSandbox, 404, 202)},
		{Requirement: "LC-RESUME-05", Wire: mutant.Status(resumeSandbox, 404, 409)},
	}
}

// afresh makes a new sandbox where it should resume the old one: the files are gone.
func afresh() Mutant {
	var made specs
	return Mutant{Requirement: "LC-RESUME-03", Name: "a resume makes the sandbox anew", Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
		e.provision = made.keep(next.Provision)
		e.resume = func(ctx context.Context, id string) error {
			act()
			if err := next.Remove(ctx, id); err != nil {
				return err
			}
			if err := next.Provision(ctx, made.of(id)); err != nil {
				return err
			}
			return daemonAnswers(ctx, next, made.of(id))
		}
	})}
}

// killAll ends every process that was begun in a sandbox since its start, but for the shell that does it. What was begun
// with it is in a session of execd's. Of a line in /proc it reads the parent and the session.
const killAll = `for p in /proc/[0-9]*; do
	pid=${p#/proc/}
	set -- $(sed 's/.*) . //' "$p/stat" 2>/dev/null)
	[ "$(cat "/proc/${3:-1}/comm" 2>/dev/null)" = execd ] || [ "$pid" = $$ ] || [ "$1" = $$ ] || kill -9 "$pid" 2>/dev/null
done; true`

// loses keeps the files over a pause, as a snapshot of the disk does, and no processes.
func loses(name string) Mutant {
	var made specs
	return Mutant{Requirement: "LC-RESUME-04", Name: name, Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
		e.provision = made.keep(next.Provision)
		e.resume = func(ctx context.Context, id string) error {
			if err := next.Resume(ctx, id); err != nil {
				return err
			}
			body, err := json.Marshal(map[string]any{"command": killAll})
			if err != nil {
				return err
			}
			if err := askDaemon(ctx, next, made.of(id), http.MethodPost, "/command", string(body)); err != nil {
				return err
			}
			act()
			return nil
		}
	})}
}
