package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// actor does everything that is done to one sandbox, so what it may come to is
// known: by what was answered, and by what was asked for without an answer.
type actor struct {
	*crash
	index int
	rng   *rand.Rand

	turn    chan struct{} // closed when it may begin
	once    sync.Once
	created chan struct{} // closed when its sandbox was accepted

	// Belongs to act until that returned; id from created on to all.
	id        string
	promise   promise
	container string // where it was first seen to run; it must stay there
}

func newActor(c *crash, index int) *actor {
	return &actor{crash: c, index: index, turn: make(chan struct{}), created: make(chan struct{}),
		rng: rand.New(rand.NewPCG(c.options.seed, uint64(index)+1))}
}

func (a *actor) begin() { a.once.Do(func() { close(a.turn) }) }

func (a *actor) accepted() bool {
	select {
	case <-a.created:
		return true
	default:
		return false
	}
}

// act goes on until ctx ends. What it began by then, it finishes.
func (a *actor) act(ctx context.Context) {
	select {
	case <-a.turn:
	case <-ctx.Done():
		return
	}
	if a.rest(ctx, 1500) != nil || !a.create(ctx) {
		return
	}
	for a.rest(ctx, 500) == nil {
		b, r := a.server.get(ctx, a.id)
		switch {
		case ctx.Err() != nil || r.unknown():
		case !r.accepted():
			a.found.add("sandbox %s was accepted, and get answers %s", a.id, r)
			return
		default:
			rests, err := a.promise.check(b)
			if err != nil {
				a.found.add("sandbox %s: %v", a.id, err)
				return
			}
			a.look(ctx)
			if rests {
				a.change(ctx, b)
			}
		}
	}
}

func (a *actor) rest(ctx context.Context, atMost int) error {
	return pause(ctx, time.Duration(a.rng.IntN(atMost))*time.Millisecond)
}

// create asks for the sandbox until it is accepted. Where no answer came it
// may be there, under the name that only this actor uses.
func (a *actor) create(ctx context.Context) bool {
	timeout := 600
	if a.rng.IntN(3) == 0 {
		timeout = 60 // may run out while the server is down
	}
	name := strconv.Itoa(a.index)
	for ctx.Err() == nil {
		r := a.server.do(ctx, "POST", "/v1/sandboxes", map[string]any{
			"image": map[string]string{"uri": a.options.image}, "entrypoint": []string{"sleep", "infinity"},
			"timeout": timeout, "resourceLimits": map[string]string{"memory": "64Mi"}, "metadata": map[string]string{"crash": "1", "actor": name},
		})
		var b box
		switch {
		case r.accepted() && json.Unmarshal(r.body, &b) == nil:
		case r.unknown():
			list, looked := a.server.list(ctx, "actor", name)
			if !looked.accepted() || len(list) == 0 {
				continue
			}
			if len(list) > 1 {
				a.found.add("actor %s asked once without an answer, and there are %d sandboxes", name, len(list))
			}
			b = list[0]
		default:
			a.found.add("create: %s", r)
			return false
		}
		a.id = b.ID
		a.promise = promise{states: []string{"Running"}, expires: []time.Time{b.ExpiresAt}}
		close(a.created)
		return true
	}
	return false
}

// change asks for one thing that the sandbox's state allows.
func (a *actor) change(ctx context.Context, b box) {
	n := a.rng.IntN(100)
	switch state := b.Status.State; {
	case state == "Terminated" || state == "Failed":
		return
	case n < 3:
		a.ask(ctx, "DELETE", "", nil, func(answered bool) { a.promise.owe("Terminated", answered) })
	case n < 35:
		until := b.ExpiresAt.Add(time.Duration(1+a.rng.IntN(30)) * time.Second)
		a.ask(ctx, "POST", "/renew-expiration", map[string]any{"expiresAt": until}, func(answered bool) { a.promise.oweTime(until, answered) })
	case state == "Running" && n < 80:
		a.ask(ctx, "POST", "/pause", nil, func(answered bool) { a.promise.owe("Paused", answered) })
	case state == "Paused" && n < 80:
		a.ask(ctx, "POST", "/resume", nil, func(answered bool) { a.promise.owe("Running", answered) })
	}
}

// ask makes a request that must be accepted, and notes what is owed then.
func (a *actor) ask(ctx context.Context, method, path string, body any, owe func(answered bool)) {
	// Not broken off in the end: its answer is wanted.
	r := a.server.do(context.WithoutCancel(ctx), method, "/v1/sandboxes/"+a.id+path, body)
	switch {
	case r.accepted():
		owe(true)
	case r.unknown():
		owe(false)
	case a.promise.over(time.Now()):
		// It ended by itself a moment before.
	default:
		a.found.add("sandbox %s: %s%s was refused, though its state allows it: %s", a.id, method, path, r)
	}
}

// look remembers the container of a sandbox that runs: one that was made anew
// later has lost its processes.
func (a *actor) look(ctx context.Context) {
	if !a.promise.ran || a.container != "" {
		return
	}
	all, err := a.engine.instances(ctx)
	if err == nil && len(all[a.id]) == 1 {
		a.container = all[a.id][0].id
	}
}
