package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Store keeps sandboxes over restarts. What Put accepted is there after a
// crash at any later moment.
type Store interface {
	Load(ctx context.Context) ([]*Sandbox, error)
	Put(ctx context.Context, sb *Sandbox) error
	Delete(ctx context.Context, id string) error
}

// Config says how a Manager works. Store and Runtime are required.
type Config struct {
	Store   Store
	Runtime runtime.Runtime
	Clock   Clock        // nil: SystemClock
	Log     *slog.Logger // nil: discarded

	// ManualCleanup lets sandboxes be created without a timeout; they live
	// until they are deleted.
	ManualCleanup bool
	// MaxTimeout is the longest life that may be asked for, at creation and
	// by renewal. Zero: 24 hours.
	MaxTimeout time.Duration
	// Retention is how long Terminated and Failed sandboxes stay readable
	// before they are forgotten. Zero: 10 minutes.
	Retention time.Duration
	// ReadyTimeout is how long a started sandbox may take until its daemon
	// answers. Zero: 30 seconds.
	ReadyTimeout time.Duration
	// RuntimeTimeout is how long a sandbox that is being made waits for a
	// runtime that does not answer. Zero: 1 minute.
	RuntimeTimeout time.Duration
	// Provisioning is how many sandboxes are made at once. Zero: 64.
	Provisioning int
}

func (c *Config) defaults() {
	if c.Clock == nil {
		c.Clock = SystemClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxTimeout == 0 {
		c.MaxTimeout = 24 * time.Hour
	}
	if c.Retention == 0 {
		c.Retention = 10 * time.Minute
	}
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = 30 * time.Second
	}
	if c.RuntimeTimeout == 0 {
		c.RuntimeTimeout = time.Minute
	}
	if c.Provisioning == 0 {
		c.Provisioning = 64
	}
}

// Manager owns all sandboxes of a server. Its methods may be called from
// several goroutines at once.
type Manager struct {
	cfg       Config
	log       *slog.Logger
	clock     Clock
	scheduler *scheduler
	slots     *semaphore.Weighted

	// What runs behind answers lives in base and is counted by running.
	base    context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.RWMutex
	byID   map[string]*record
	order  []*record // by time of creation, oldest first
	closed bool
}

// New loads all sandboxes from the store. Nothing happens to them before
// Start.
func New(ctx context.Context, cfg Config) (*Manager, error) {
	if cfg.Store == nil || cfg.Runtime == nil {
		return nil, errors.New("sandbox: a Manager needs a store and a runtime")
	}
	cfg.defaults()
	m := &Manager{
		cfg:   cfg,
		log:   cfg.Log,
		clock: cfg.Clock,
		slots: semaphore.NewWeighted(int64(cfg.Provisioning)),
		byID:  map[string]*record{},
	}
	m.base, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	m.scheduler = newScheduler(cfg.Clock, func(id string) { m.spawn(func() { m.due(id) }) })
	rows, err := cfg.Store.Load(ctx)
	if err != nil {
		m.stop()
		return nil, fmt.Errorf("load sandboxes: %w", err)
	}
	for _, sb := range rows {
		m.insert(newRecord(sb))
	}
	return m, nil
}

// Start brings sandboxes and runtime into line and begins to end what runs out
// of time. It returns when every sandbox has the state that it had, or that
// became of it meanwhile; work that follows from it goes on behind.
func (m *Manager) Start(ctx context.Context) error {
	if err := m.reconcile(ctx); err != nil {
		return err
	}
	if !m.spawn(func() { m.scheduler.run(m.base) }) {
		return errors.New("sandbox: the manager is closed")
	}
	m.spawn(func() {
		err := m.cfg.Runtime.Watch(m.base, func(e runtime.Exit) { m.ended(e) })
		if m.base.Err() == nil {
			m.log.Error("watching the runtime ended: exits are no longer seen", "error", err)
		}
	})
	return nil
}

// Close waits for the work behind answers until ctx ends, then breaks it off,
// and returns when nothing of the manager runs any more. Sandboxes stay as
// they are; the next manager on the same store takes them over.
func (m *Manager) Close(ctx context.Context) {
	m.mu.Lock()
	m.closed = true
	records := slices.Clone(m.order)
	m.mu.Unlock()
	for _, r := range records {
		r.mu.Lock()
		w := r.work
		r.mu.Unlock()
		if w == nil {
			continue
		}
		select {
		case <-w.done:
		case <-ctx.Done():
		}
	}
	m.stop()
	m.running.Wait()
}

// spawn runs f in a goroutine that Close waits for. It reports false, and runs
// nothing, after Close.
func (m *Manager) spawn(f func()) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return false
	}
	m.running.Go(f)
	return true
}

// insert adds a record to the index, in its place by time of creation.
func (m *Manager) insert(r *record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[r.id] = r
	at, _ := slices.BinarySearchFunc(m.order, r, compareRecords)
	m.order = slices.Insert(m.order, at, r)
}

// forget takes a record out of the index.
func (m *Manager) forget(r *record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byID, r.id)
	if at, ok := slices.BinarySearchFunc(m.order, r, compareRecords); ok {
		m.order = slices.Delete(m.order, at, at+1)
	}
}

func (m *Manager) record(id string) (*record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.byID[id]
	if !ok {
		return nil, notFound(id)
	}
	return r, nil
}

// Get returns a sandbox as it is now.
func (m *Manager) Get(id string) (*Sandbox, error) {
	r, err := m.record(id)
	if err != nil {
		return nil, err
	}
	return r.load(), nil
}

// Started returns a sandbox as it is once it is Pending no more, or as it is when the wait is over or ctx ends.
func (m *Manager) Started(ctx context.Context, id string, wait time.Duration) (*Sandbox, error) {
	r, err := m.record(id)
	if err != nil {
		return nil, err
	}
	if sb := r.load(); sb.Status.State != Pending {
		return sb, nil
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-r.started:
	case <-over.C:
	case <-ctx.Done():
	case <-m.base.Done():
	}
	return r.load(), nil
}
