package sandbox

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// record is a sandbox with what is needed to change it. Whoever changes it
// holds mu; readers load the last published value without it.
type record struct {
	id      string
	created time.Time

	mu   sync.Mutex
	work *work // the last work that was begun on it; nil: none yet
	gone bool  // forgotten: whoever waited for mu finds nothing any more
	// takenOver says that it was found Pending, and what the last run still did
	// to it is not known.
	takenOver bool
	value     atomic.Pointer[Sandbox]
	started   chan struct{} // closed once it is Pending no more
}

func newRecord(sb *Sandbox) *record {
	r := &record{id: sb.ID, created: sb.CreatedAt, started: make(chan struct{})}
	r.show(sb)
	return r
}

func (r *record) load() *Sandbox { return r.value.Load() }

// show replaces the published value. The caller holds mu, or nobody else has the record yet.
func (r *record) show(next *Sandbox) {
	before := r.value.Swap(next)
	if next.Status.State != Pending && (before == nil || before.Status.State == Pending) {
		close(r.started)
	}
}

func compareRecords(a, b *record) int {
	return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
}

// work is what goes on behind an answer: one piece a sandbox at a time.
type work struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// change runs f with the record of id locked.
func (m *Manager) change(id string, f func(r *record, sb *Sandbox) error) error {
	r, err := m.record(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return notFound(id)
	}
	return f(r, r.load())
}

// transition is the only way from one state to another: it checks the table,
// writes the store, shows the new state, and sets the sandbox's next moment.
// The caller holds r.mu and acts on the new state afterwards.
func (m *Manager) transition(ctx context.Context, r *record, to State, reason, message string) error {
	now := r.load()
	from := now.Status.State
	if !from.LeadsTo(to) {
		return refuse(Conflict, "INVALID_STATE", "the sandbox is %s, and can't become %s", from, to)
	}
	next := *now
	next.Status = Status{State: to, Reason: reason, Message: message, LastTransitionAt: m.after(now.Status.LastTransitionAt)}
	if from == Pending {
		next.Env = nil
	}
	if err := m.publish(ctx, r, &next); err != nil {
		return err
	}
	m.log.InfoContext(ctx, "sandbox changed", "sandbox", r.id, "from", from, "to", to, "reason", reason)
	return nil
}

// publish writes a sandbox to the store, then shows it. The caller holds r.mu.
func (m *Manager) publish(ctx context.Context, r *record, next *Sandbox) error {
	// Whether it was written must not depend on a client that hangs up.
	if err := m.cfg.Store.Put(context.WithoutCancel(ctx), next); err != nil {
		return err
	}
	r.show(next)
	m.schedule(next)
	return nil
}

// schedule sets the one moment that a sandbox waits for.
func (m *Manager) schedule(sb *Sandbox) {
	switch {
	case sb.Status.State.Final():
		m.scheduler.set(sb.ID, sb.Status.LastTransitionAt.Add(m.cfg.Retention))
	case sb.Status.State.Live() && !sb.ExpiresAt.IsZero():
		m.scheduler.set(sb.ID, sb.ExpiresAt)
	default:
		m.scheduler.drop(sb.ID)
	}
}

// after returns the present, in microseconds as most clients keep it, and
// always later than earlier: a clock that is set back must not show.
func (m *Manager) after(earlier time.Time) time.Time {
	now := m.clock.Now().UTC().Truncate(time.Microsecond)
	if !now.After(earlier) {
		return earlier.Add(time.Microsecond)
	}
	return now
}

// begin starts a piece of work on a sandbox, after the one before it ended.
// The caller holds r.mu. The work's context ends with the manager, or when
// halt is called.
func (m *Manager) begin(r *record, f func(ctx context.Context)) {
	before := r.work
	ctx, cancel := context.WithCancel(m.base)
	w := &work{cancel: cancel, done: make(chan struct{})}
	started := m.spawn(func() {
		defer close(w.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		f(ctx)
	})
	if !started {
		// The server is closing: the next one finds the state and goes on.
		cancel()
		return
	}
	r.work = w
}

// halt breaks off the work in progress. The caller holds r.mu.
func (r *record) halt() {
	if r.work != nil {
		r.work.cancel()
	}
}

// settle is change for work behind answers, which has nobody to tell that the
// store failed: it tries again until the context ends.
func (m *Manager) settle(ctx context.Context, r *record, f func(sb *Sandbox) error) {
	m.persist(ctx, r.id, "settle a sandbox", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.gone {
			return nil
		}
		err := f(r.load())
		if refused := (*Error)(nil); errors.As(err, &refused) {
			return backoff.Permanent(err)
		}
		return err
	})
}

// persist runs f until it succeeds, fails for good, or ctx ends, waiting
// longer each time.
func (m *Manager) persist(ctx context.Context, id, what string, f func() error) {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, f() },
		backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			m.log.Warn("will try again to "+what, "sandbox", id, "in", wait, "error", err)
		}))
	if err != nil && ctx.Err() == nil {
		m.log.Error("could not "+what, "sandbox", id, "error", err)
	}
}
