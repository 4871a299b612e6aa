package process

import (
	"context"
	"fmt"
	"os"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// follow waits for the end of a sandbox and keeps it for Watch.
func (r *Runtime) follow(b *box) {
	status, waited, err := b.first.wait()
	if err != nil {
		return // let go of: it lives on, or was removed
	}
	exit := b.describe(status, waited)
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.removing || r.known[b.id] != b {
		return
	}
	b.exit = &exit
	r.ends = append(r.ends, exit)
	select {
	case r.ended <- struct{}{}:
	default: // somebody was told and has not looked yet
	}
}

// Watch reports the ends of sandboxes, those too that came while nobody watched.
func (r *Runtime) Watch(ctx context.Context, report func(runtime.Exit)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ended:
		}
		r.mu.Lock()
		ends := r.ends
		r.ends = nil
		r.mu.Unlock()
		for _, exit := range ends {
			report(exit)
		}
	}
}

// List looks at the directories of the sandboxes.
func (r *Runtime) List(ctx context.Context) ([]runtime.Instance, error) {
	entries, err := os.ReadDir(r.sandboxes())
	if err != nil {
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	instances := make([]runtime.Instance, 0, len(entries))
	for _, e := range entries {
		instance, there, err := r.instance(ctx, e.Name())
		if err != nil {
			return nil, err
		}
		if there {
			instances = append(instances, instance)
		}
	}
	return instances, nil
}

func (r *Runtime) instance(ctx context.Context, id string) (i runtime.Instance, there bool, err error) {
	i.ID = id
	r.mu.Lock()
	known := r.known[id]
	var exit *runtime.Exit
	if known != nil {
		exit = known.exit
	}
	r.mu.Unlock()
	if known != nil {
		if exit != nil {
			copied := *exit
			i.Exit = &copied
			return i, true, nil
		}
		i.Running, i.Paused = true, known.has(pausedFile)
		return i, true, nil
	}
	release, err := r.acquire(ctx, id)
	if err != nil {
		return i, false, err
	}
	defer release()
	b := r.box(id)
	if !b.there() {
		return i, false, nil
	}
	if err := b.find(); err != nil {
		return i, false, err
	}
	switch {
	case !b.has(stage.FileBegun):
		b.letGo() // it was not told what to make, and ends of itself
	case b.first != nil:
		i.Running, i.Paused = true, b.has(pausedFile)
		r.know(b)
	default:
		exit := b.describe(unseen, false)
		i.Exit = &exit
	}
	return i, true, nil
}

// Pause stops a sandbox.
func (r *Runtime) Pause(ctx context.Context, id string) error {
	return r.freeze(ctx, id, func(b *box) error {
		if err := os.WriteFile(b.dir+"/"+pausedFile, nil, 0o600); err != nil {
			return err
		}
		if err := r.tier.Pause(ctx, b); err != nil {
			_ = os.Remove(b.dir + "/" + pausedFile) // it goes on
			return err
		}
		return nil
	})
}

// Resume lets a sandbox go on.
func (r *Runtime) Resume(ctx context.Context, id string) error {
	return r.freeze(ctx, id, func(b *box) error {
		if err := r.tier.Resume(ctx, b); err != nil {
			return err
		}
		if err := os.Remove(b.dir + "/" + pausedFile); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	})
}

func (r *Runtime) freeze(ctx context.Context, id string, do func(*box) error) error {
	release, err := r.acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	r.mu.Lock()
	b := r.known[id]
	over := b == nil || b.removing || b.exit != nil
	r.mu.Unlock()
	if over {
		return fmt.Errorf("pause or resume sandbox %s: it does not run", id)
	}
	return do(b)
}
