package sandbox

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// reconcile compares what the store says with what the runtime has, after the
// server was down. A sandbox's row is what was promised, so the runtime
// follows it: what was begun is finished, what nobody asked for is removed.
func (m *Manager) reconcile(ctx context.Context) error {
	list, err := m.cfg.Runtime.List(ctx)
	if err != nil {
		return fmt.Errorf("list the sandboxes of the runtime: %w", err)
	}
	instances := make(map[string]*runtime.Instance, len(list))
	for i := range list {
		instances[list[i].ID] = &list[i]
	}
	m.mu.RLock()
	records := append([]*record(nil), m.order...)
	m.mu.RUnlock()

	var group errgroup.Group
	group.SetLimit(64)
	for _, r := range records {
		instance := instances[r.id]
		delete(instances, r.id)
		group.Go(func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if err := m.align(ctx, r, instance); err != nil {
				return fmt.Errorf("sandbox %s: %w", r.id, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("take over from the last run: %w", err)
	}
	for id := range instances {
		m.log.Warn("removing a sandbox that the store does not know", "sandbox", id)
		m.spawn(func() {
			m.persist(m.base, id, "remove an unknown sandbox", func() error { return m.cfg.Runtime.Remove(m.base, id) })
		})
	}
	if len(records) > 0 {
		m.log.Info("took over from the last run", "sandboxes", len(records), "instances", len(list))
	}
	return nil
}

// align takes one sandbox on from where the last run left it. instance is nil
// when the runtime has none. The caller holds r.mu.
func (m *Manager) align(ctx context.Context, r *record, instance *runtime.Instance) error {
	sb := r.load()
	m.schedule(sb)
	state := sb.Status.State
	if sb.Expired(m.clock.Now()) && state.Live() {
		return m.stopping(ctx, r, ReasonExpired, "the sandbox's time ran out while the server was down")
	}
	switch {
	case state == Stopping:
		m.begin(r, func(ctx context.Context) { m.terminate(ctx, r) })
	case state.Final():
		if instance != nil {
			m.begin(r, func(ctx context.Context) { m.remove(ctx, r) })
		}
	case state == Pending:
		return m.alignPending(ctx, r, instance)
	case instance == nil:
		return m.endOf(ctx, r, runtime.Exit{ID: r.id, Removed: true})
	case instance.Exit != nil:
		return m.endOf(ctx, r, *instance.Exit)
	case !instance.Running:
		return m.endOf(ctx, r, runtime.Exit{ID: r.id, Removed: true})
	case state == Pausing:
		m.begin(r, func(ctx context.Context) { m.pause(ctx, r) })
	case state == Resuming:
		m.begin(r, func(ctx context.Context) { m.resume(ctx, r) })
	case state == Paused && !instance.Paused:
		m.begin(r, func(ctx context.Context) { m.follow(ctx, r, "pause", m.cfg.Runtime.Pause) })
	case state == Running && instance.Paused:
		m.begin(r, func(ctx context.Context) { m.follow(ctx, r, "resume", m.cfg.Runtime.Resume) })
	}
	return nil
}

func (m *Manager) alignPending(ctx context.Context, r *record, instance *runtime.Instance) error {
	r.takenOver = true
	switch {
	case instance == nil || !instance.Running && instance.Exit == nil:
		// Nothing, or made and not started: Provision goes on with it.
		m.begin(r, func(ctx context.Context) { m.provision(ctx, r, nil) })
	case instance.Exit != nil:
		return m.endOf(ctx, r, *instance.Exit)
	default:
		m.begin(r, func(ctx context.Context) { m.adopt(ctx, r) })
	}
	return nil
}

// follow makes the runtime agree with a state that it lost.
func (m *Manager) follow(ctx context.Context, r *record, what string, do func(context.Context, string) error) {
	m.log.Warn("the runtime does not agree with the state of a sandbox, and will", "sandbox", r.id, "action", what)
	m.persist(ctx, r.id, what+" a sandbox", func() error { return do(ctx, r.id) })
}
