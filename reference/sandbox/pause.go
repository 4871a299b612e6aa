package sandbox

import (
	"context"
	"errors"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Pause accepts a pause of a Running sandbox (rule 4). It is done behind the
// answer: the sandbox is Pausing, then Paused, or Running again with a reason
// when the runtime could not do it.
func (m *Manager) Pause(ctx context.Context, id string) error {
	return m.change(id, func(r *record, sb *Sandbox) error {
		if sb.Status.State != Running {
			return refuse(Conflict, "SANDBOX_NOT_RUNNING",
				"only a Running sandbox can be paused, and this one is %s; wait until it is Running", sb.Status.State)
		}
		if err := m.transition(ctx, r, Pausing, ReasonPauseRequested, "the sandbox is being paused"); err != nil {
			return err
		}
		m.begin(r, func(ctx context.Context) { m.pause(ctx, r) })
		return nil
	})
}

func (m *Manager) pause(ctx context.Context, r *record) {
	err := m.answered(ctx, r, "pause a sandbox", m.cfg.Runtime.Pause)
	if ctx.Err() != nil {
		return
	}
	m.settle(ctx, r, func(sb *Sandbox) error {
		switch {
		case sb.Status.State != Pausing:
			return nil
		case err != nil:
			return m.transition(ctx, r, Running, ReasonPauseFailed,
				"the sandbox could not be paused and runs on; the server's log has the cause")
		default:
			return m.transition(ctx, r, Paused, ReasonPaused, "nothing in the sandbox runs until it is resumed")
		}
	})
}

// Resume accepts that a Paused sandbox goes on. It is Resuming, then Running,
// or Paused again with a reason when the runtime could not do it.
func (m *Manager) Resume(ctx context.Context, id string) error {
	return m.change(id, func(r *record, sb *Sandbox) error {
		if sb.Status.State != Paused {
			return refuse(Conflict, "SANDBOX_NOT_PAUSED",
				"only a Paused sandbox can be resumed, and this one is %s; pause it first, or wait until it is Paused", sb.Status.State)
		}
		if err := m.transition(ctx, r, Resuming, ReasonResumeRequested, "the sandbox is being resumed"); err != nil {
			return err
		}
		m.begin(r, func(ctx context.Context) { m.resume(ctx, r) })
		return nil
	})
}

func (m *Manager) resume(ctx context.Context, r *record) {
	err := m.answered(ctx, r, "resume a sandbox", m.cfg.Runtime.Resume)
	if ctx.Err() != nil {
		return
	}
	m.settle(ctx, r, func(sb *Sandbox) error {
		switch {
		case sb.Status.State != Resuming:
			return nil
		case err != nil:
			return m.transition(ctx, r, Paused, ReasonResumeFailed,
				"the sandbox could not be resumed and is still paused; the server's log has the cause")
		default:
			return m.transition(ctx, r, Running, ReasonResumed, "the sandbox runs again"+m.caveat(sb))
		}
	})
}

// answered asks the runtime until it answers: while it doesn't, nobody knows
// whether the sandbox stands still, so it is neither Running nor Paused.
func (m *Manager) answered(ctx context.Context, r *record, what string, do func(context.Context, string) error) (err error) {
	m.persist(ctx, r.id, what, func() error {
		if err = do(ctx, r.id); err != nil && !errors.Is(err, runtime.ErrUnavailable) {
			return backoff.Permanent(err)
		}
		return err
	})
	return err
}
