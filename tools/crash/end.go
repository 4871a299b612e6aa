package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// end looks whether every sandbox is what it should be, then deletes all and
// looks whether anything is left.
func (c *crash) end(ctx context.Context) error {
	counts := map[string]int{}
	if err := c.settle(ctx, "in the end", func() []string { clear(counts); return c.compare(ctx, counts) }); err != nil {
		return err
	}
	fmt.Printf("in the end: %d accepted; %d Running, %d Paused, %d Terminated\n", c.accepted(),
		counts["Running"], counts["Paused"], counts["Terminated"])
	for _, a := range c.actors {
		if r := c.server.do(ctx, http.MethodDelete, "/v1/sandboxes/"+a.id, nil); r.status != http.StatusNoContent {
			c.found.add("sandbox %s: delete: %s", a.id, r)
		}
	}
	if err := c.settle(ctx, "after all were deleted", func() []string { return c.leftovers(ctx) }); err != nil {
		return err
	}
	return c.server.stop()
}

// settle looks again until nothing is wrong, for a while.
func (c *crash) settle(ctx context.Context, when string, look func() []string) error {
	deadline := time.Now().Add(time.Minute)
	for {
		wrong := look()
		if len(wrong) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			for _, w := range wrong {
				c.found.add("%s: %s", when, w)
			}
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// compare holds three things against each other: what was promised, what the
// API shows, and what the engine has.
func (c *crash) compare(ctx context.Context, counts map[string]int) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	listed, r := c.server.list(ctx, "crash", "1")
	if !r.accepted() {
		return []string{"list: " + r.String()}
	}
	containers, err := c.engine.instances(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	shown := map[string]box{}
	for _, b := range listed {
		shown[b.ID] = b
	}
	for _, a := range c.actors {
		b, ok := shown[a.id]
		delete(shown, a.id)
		has := containers[a.id]
		delete(containers, a.id)
		if !ok {
			say("sandbox %s was accepted and is lost", a.id)
			continue
		}
		owed := a.promise
		owed.states, owed.expires = slices.Clone(owed.states), slices.Clone(owed.expires)
		switch rests, err := owed.check(b); {
		case err != nil:
			say("sandbox %s: %v", a.id, err)
			continue
		case !rests:
			say("sandbox %s is still %s (%s)", a.id, b.Status.State, b.Status.Reason)
			continue
		}
		counts[b.Status.State]++
		want := map[string]string{"Running": "running", "Paused": "paused"}[b.Status.State]
		switch {
		case want == "" && len(has) > 0:
			say("sandbox %s is %s, and the engine has a container for it that is %s", a.id, b.Status.State, has[0].state)
		case want == "":
		case len(has) != 1:
			say("sandbox %s is %s, and the engine has %d containers for it", a.id, b.Status.State, len(has))
		case has[0].state != want:
			say("sandbox %s is %s, and its container is %s", a.id, b.Status.State, has[0].state)
		case a.container != "" && has[0].id != a.container:
			say("sandbox %s was made anew: its processes are lost", a.id)
		case want == "running":
			if r := c.server.do(ctx, http.MethodGet, "/sandboxes/"+a.id+"/port/44772/ping", nil); r.status != http.StatusOK {
				say("sandbox %s is Running, and its daemon answers %s", a.id, r)
			}
		}
	}
	for id, b := range shown {
		say("there is a sandbox %s, %s, that nobody created", id, b.Status.State)
	}
	for id, list := range containers {
		for _, c := range list {
			say("there is a container %v, %s, of a sandbox %q that nobody knows", c.name, c.state, id)
		}
	}
	return wrong
}

// leftovers says what is left after everything was deleted.
func (c *crash) leftovers(ctx context.Context) (wrong []string) {
	listed, r := c.server.list(ctx, "crash", "1")
	if !r.accepted() {
		return []string{"list: " + r.String()}
	}
	for _, b := range listed {
		if b.Status.State != "Terminated" {
			wrong = append(wrong, fmt.Sprintf("sandbox %s was deleted and is %s", b.ID, b.Status.State))
		}
	}
	containers, err := c.engine.instances(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	for id, list := range containers {
		for _, c := range list {
			wrong = append(wrong, fmt.Sprintf("the container %v, %s, of sandbox %q is left", c.name, c.state, id))
		}
	}
	return wrong
}
