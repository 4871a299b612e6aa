package sandbox

import (
	"context"
	"fmt"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Delete ends a sandbox (rule 5). It answers when the sandbox is Stopping; its
// removal goes on behind. Deleting what is Stopping or Terminated already
// changes nothing and is no error (RFC 9110 §9.2.2); a Failed sandbox becomes
// Terminated.
func (m *Manager) Delete(ctx context.Context, id string) error {
	return m.change(id, func(r *record, sb *Sandbox) error {
		if sb.Status.State == Stopping || sb.Status.State == Terminated {
			return nil
		}
		return m.stopping(ctx, r, ReasonDeleted, "the sandbox was deleted")
	})
}

// stopping makes a sandbox Stopping and has it removed. The caller holds r.mu.
func (m *Manager) stopping(ctx context.Context, r *record, reason, message string) error {
	if err := m.transition(ctx, r, Stopping, reason, message); err != nil {
		return err
	}
	r.halt()
	m.begin(r, func(ctx context.Context) { m.terminate(ctx, r) })
	return nil
}

// terminate removes a Stopping sandbox and makes it Terminated.
func (m *Manager) terminate(ctx context.Context, r *record) {
	m.remove(ctx, r)
	if ctx.Err() != nil {
		return
	}
	m.settle(ctx, r, func(sb *Sandbox) error {
		if sb.Status.State != Stopping {
			return nil
		}
		return m.transition(ctx, r, Terminated, sb.Status.Reason, sb.Status.Message)
	})
}

// remove takes what is left of a sandbox out of the runtime, however often it
// has to try.
func (m *Manager) remove(ctx context.Context, r *record) {
	m.persist(ctx, r.id, "remove a sandbox", func() error { return m.cfg.Runtime.Remove(ctx, r.id) })
}

// due is called when the moment of a sandbox has come: its time is over, or it
// ended long enough ago to be forgotten.
func (m *Manager) due(id string) {
	r, err := m.record(id)
	if err != nil {
		return
	}
	m.settle(m.base, r, func(sb *Sandbox) error {
		now := m.clock.Now()
		switch state := sb.Status.State; {
		case state.Live() && sb.Expired(now):
			return m.stopping(m.base, r, ReasonExpired, "the sandbox's time ran out")
		case state.Final() && !now.Before(sb.Status.LastTransitionAt.Add(m.cfg.Retention)):
			if err := m.cfg.Store.Delete(m.base, id); err != nil {
				return err
			}
			r.gone = true
			m.forget(r)
			m.log.Info("sandbox forgotten", "sandbox", id)
		case state != Stopping:
			// Renewed meanwhile, or the clock was set back.
			m.schedule(sb)
		}
		return nil
	})
}

// ended is called when a sandbox ended behind our back.
func (m *Manager) ended(exit runtime.Exit) {
	m.spawn(func() {
		r, err := m.record(exit.ID)
		if err != nil {
			return
		}
		m.settle(m.base, r, func(*Sandbox) error { return m.endOf(m.base, r, exit) })
	})
}

// endOf settles the end of an entry process, and has the rest removed. The
// caller holds r.mu.
func (m *Manager) endOf(ctx context.Context, r *record, exit runtime.Exit) error {
	state := r.load().Status.State
	if !state.Live() {
		return nil
	}
	if state == Pending && exit.Removed && r.takenOver {
		// The last run was removing it when it was killed. Nobody has seen it
		// run yet: it is made anew.
		r.takenOver = false
		r.halt()
		m.begin(r, func(ctx context.Context) { m.provision(ctx, r, nil) })
		return nil
	}
	to, reason, message := verdict(state, exit)
	if state == Pending && to == Terminated {
		// It ran, if only for a moment that nobody could see.
		if err := m.transition(ctx, r, Running, ReasonReady, "the entry process was started"); err != nil {
			return err
		}
	}
	if err := m.transition(ctx, r, to, reason, message); err != nil {
		return err
	}
	r.halt()
	m.begin(r, func(ctx context.Context) { m.remove(ctx, r) })
	return nil
}

// The statuses by which a supervisor says that it could not start the entry
// process, as shells do (POSIX.1-2017, XCU 2.8.2).
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

// verdict says what an exit means for a sandbox in the given state.
func verdict(state State, exit runtime.Exit) (to State, reason, message string) {
	switch {
	case exit.Removed:
		return Failed, ReasonInstanceLost, "what ran the sandbox was removed, and not by this server"
	case exit.OOMKilled && exit.ExitCode != 0:
		return Failed, ReasonOutOfMemory, "the entry process was killed because the sandbox used all the memory that resourceLimits allows; ask for more"
	case state == Pending && exit.ExitCode == statusNotFound:
		return Failed, runtime.ReasonEntrypointNotFound, said("the entrypoint, or a program that it starts, is not in the image", exit)
	case state == Pending && exit.ExitCode == statusNotExecutable:
		return Failed, runtime.ReasonEntrypointNotStarted, said("the entrypoint, or a program that it starts, can't be run", exit)
	case exit.ExitCode == 0:
		return Terminated, ReasonEntrypointExited, "the entry process ended by itself, with status 0"
	default:
		return Failed, ReasonEntrypointExited, said(fmt.Sprintf("the entry process ended by itself, with status %d", exit.ExitCode), exit)
	}
}

// said adds the entry process's last words to a message.
func said(message string, exit runtime.Exit) string {
	if exit.Message == "" {
		return message
	}
	return message + ": " + exit.Message
}
