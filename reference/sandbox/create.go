package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Create accepts a sandbox and answers at once, with it Pending. It is made
// behind the answer (rule 1).
func (m *Manager) Create(ctx context.Context, req CreateRequest) (*Sandbox, error) {
	limits, life, err := req.check(&m.cfg)
	if err != nil {
		return nil, err
	}
	created := m.after(time.Time{})
	sb := &Sandbox{
		ID:          uuid.NewString(),
		Image:       req.Image,
		Entrypoint:  slices.Clone(req.Entrypoint),
		Metadata:    maps.Clone(req.Metadata),
		Env:         maps.Clone(req.Env),
		Limits:      limits,
		Token:       rand.Text(),
		CreatedAt:   created,
		Credentials: req.Auth != nil,
		Status: Status{
			State: Pending, Reason: ReasonProvisioning,
			Message: "the sandbox is being made", LastTransitionAt: created,
		},
	}
	if life > 0 {
		sb.ExpiresAt = created.Add(life)
	}
	r := newRecord(sb)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := m.publish(ctx, r, sb); err != nil {
		return nil, err
	}
	m.insert(r)
	m.log.InfoContext(ctx, "sandbox accepted", "sandbox", sb.ID, "image", sb.Image, "expires", sb.ExpiresAt)
	m.begin(r, func(ctx context.Context) { m.provision(ctx, r, req.Auth) })
	return sb, nil
}

// provision makes a Pending sandbox.
func (m *Manager) provision(ctx context.Context, r *record, auth *runtime.Auth) {
	sb := r.load()
	err := m.make(ctx, sb, auth)
	if err == nil {
		err = m.awaitDaemon(ctx, sb)
	}
	m.provisioned(ctx, r, err)
}

func (m *Manager) make(ctx context.Context, sb *Sandbox, auth *runtime.Auth) error {
	if err := m.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer m.slots.Release(1)
	err := m.insist(ctx, runtime.Spec{
		ID: sb.ID, Image: sb.Image, Auth: auth, Entrypoint: sb.Entrypoint,
		Env: sb.Env, Limits: sb.Limits, Token: sb.Token,
	})
	failure := (*runtime.Failure)(nil)
	if sb.Credentials && auth == nil && errors.As(err, &failure) && failure.Reason == runtime.ReasonImagePullDenied {
		return &runtime.Failure{Reason: ReasonCredentialsGone, Err: err,
			Message: "the server was restarted before it had pulled the image, and it never stores image.auth; create the sandbox again"}
	}
	return err
}

// insist asks the runtime again while it does not answer, for a while: one
// that restarts must not cost the sandboxes that are being made.
func (m *Manager) insist(ctx context.Context, spec runtime.Spec) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := m.cfg.Runtime.Provision(ctx, spec)
		if err != nil && !errors.Is(err, runtime.ErrUnavailable) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(m.cfg.RuntimeTimeout),
		backoff.WithNotify(func(err error, wait time.Duration) {
			m.log.Warn("the runtime does not answer; will try again to make a sandbox", "sandbox", spec.ID, "in", wait, "error", err)
		}))
	return err
}

// adopt takes over a Pending sandbox whose entry process an earlier server
// started.
func (m *Manager) adopt(ctx context.Context, r *record) {
	m.provisioned(ctx, r, m.awaitDaemon(ctx, r.load()))
}

// provisioned settles what became of a Pending sandbox. Where ctx was
// cancelled it is no longer Pending, or the server is closing: either way
// there is nothing to settle.
func (m *Manager) provisioned(ctx context.Context, r *record, err error) {
	if ctx.Err() != nil {
		return
	}
	m.settle(ctx, r, func(sb *Sandbox) error {
		if sb.Status.State != Pending {
			return nil
		}
		if err == nil {
			return m.transition(ctx, r, Running, ReasonReady, "the sandbox runs and its daemon answers"+m.caveat(sb))
		}
		if exited := (*runtime.Exited)(nil); errors.As(err, &exited) {
			return m.endOf(ctx, r, exited.Exit)
		}
		failure := (*runtime.Failure)(nil)
		if !errors.As(err, &failure) {
			m.log.Error("the runtime could not make a sandbox", "sandbox", r.id, "error", err)
			failure = &runtime.Failure{Reason: runtime.ReasonRuntimeError,
				Message: "the runtime could not make the sandbox; the server's log has the cause"}
		}
		m.log.Warn("a sandbox could not be made", "sandbox", r.id, "reason", failure.Reason, "message", failure.Message)
		if err := m.transition(ctx, r, Failed, failure.Reason, failure.Message); err != nil {
			return err
		}
		m.begin(r, func(ctx context.Context) { m.remove(ctx, r) })
		return nil
	})
}

// caveat says which limits of a sandbox do not hold.
func (m *Manager) caveat(sb *Sandbox) string {
	lenient, ok := m.cfg.Runtime.(runtime.Lenient)
	if !ok {
		return ""
	}
	unheld := lenient.Unheld(sb.Limits)
	if len(unheld) == 0 {
		return ""
	}
	for i := range unheld {
		unheld[i] = "resourceLimits." + unheld[i]
	}
	return "; what this server runs sandboxes by can't hold " + strings.Join(unheld, " and ") + " for it as a whole"
}
