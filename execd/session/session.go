// Package session keeps shells that run one command after another: working directory, variables, exported or not,
// functions and options stay from run to run. It works with bash and with any POSIX shell that has printf built in.
// It knows no HTTP; refusals are fault.Errors.
//
// A run is evaluated by the session's shell itself. Before it the shell makes a copy of itself, which stands by.
// When the run ends the shell — with exit, exec, set -e, a signal, in a POSIX shell a syntax error — or when the daemon has to end it — its time is
// up, its client has gone away —, the copy takes over: the session goes on as it was before that run, without its
// traps and jobs. Only when the copy was killed too is the session's next shell a fresh one, in the directory that
// the session began in.
//
// What a run leaves in the background lives on until the session ends, its output goes nowhere. A later run that
// is ended does not end it. Processes that make a session (setsid) of their own are out of reach.
package session

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/scratch"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/shell"
)

var (
	errTimeout = errors.New("it was ended by its timeout")
	errGone    = errors.New("it was ended because its client went away")
	errDeleted = errors.New("it was ended because its session was deleted")
	errStopped = errors.New("it was ended because the daemon stops")
)

// Config is what a Manager needs. The zero value runs shells with the daemon's environment.
type Config struct {
	Log *slog.Logger // nil: slog.Default()
	Env []string     // of every shell; nil: os.Environ(). EXECD_… is never handed on
	Dir string       // for named pipes, made when it is first needed; "": execd-sessions in os.TempDir()
}

// Manager owns every session.
type Manager struct {
	log   *slog.Logger
	env   []string
	dir   *scratch.Dir
	made  atomic.Uint64 // named pipes so far
	drain output.Drain

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session
	work     sync.WaitGroup
}

// NewManager makes a Manager; the caller must Close it.
func NewManager(c Config) *Manager {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if c.Dir == "" {
		c.Dir = filepath.Join(os.TempDir(), "execd-sessions")
	}
	dir, err := scratch.Open(c.Dir)
	if err != nil {
		c.Log.Warn("remove what an earlier daemon left", "error", err)
	}
	return &Manager{log: c.Log, env: shell.Env(c.Env), dir: dir, sessions: map[string]*session{}}
}

// session is one shell at a time, and what it has started.
type session struct {
	id    string
	dir   string // where a fresh shell begins; "": the daemon's
	m     *Manager
	turn  chan struct{} // holds one token: who takes it may use what is below
	ended context.Context
	end   context.CancelCauseFunc

	shell *process   // nil: the next run starts one
	past  []*process // whose background jobs may still run
}

// Create starts a session in a directory, "" for the daemon's, and gives its id. It fails with a fault.Error where
// the caller can mend it.
func (m *Manager) Create(dir string) (string, error) {
	if dir != "" {
		if err := shell.CheckDir(dir); err != nil {
			return "", err
		}
	}
	s := &session{id: rand.Text(), dir: dir, m: m, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.ended, s.end = context.WithCancelCause(context.Background())
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return "", fault.Errorf(fault.Unavailable, "the daemon is stopping")
	}
	m.work.Add(1) // a shell that starts now is waited for
	m.mu.Unlock()
	defer m.work.Done()
	if err := s.start(); err != nil {
		return "", err
	}
	m.mu.Lock()
	closed := m.closed
	if !closed {
		m.sessions[s.id] = s
	}
	m.mu.Unlock()
	if closed {
		s.close(errStopped)
		return "", fault.Errorf(fault.Unavailable, "the daemon is stopping")
	}
	return s.id, nil
}

// Spec says what to run.
type Spec struct {
	Command string
	Dir     string        // for this run only; "": where the session is
	Timeout time.Duration // from when its turn has come; 0: none
}

// Run is a run that was not refused.
type Run struct {
	spec    Spec
	session *session
}

// Run checks whether a run is possible. The caller must go on with Stream.
func (m *Manager) Run(id string, spec Spec) (*Run, error) {
	m.mu.Lock()
	s := m.sessions[id]
	m.mu.Unlock()
	if s == nil {
		return nil, fault.Errorf(fault.Missing, "there is no session %q: open one with POST /session", id)
	}
	if strings.IndexByte(spec.Command, 0) >= 0 {
		return nil, fault.Errorf(fault.Invalid, "command must hold no NUL character")
	}
	if strings.IndexByte(spec.Dir, 0) >= 0 || filepath.IsAbs(spec.Dir) { // else: where the session is at its turn is not known yet
		if err := shell.CheckDir(spec.Dir); err != nil {
			return nil, err
		}
	}
	return &Run{spec, s}, nil
}

// Delete ends a session with all processes that it started, and waits for that.
func (m *Manager) Delete(id string) error {
	m.mu.Lock()
	s := m.sessions[id]
	delete(m.sessions, id)
	if s == nil {
		m.mu.Unlock()
		return fault.Errorf(fault.Missing, "there is no session %q", id)
	}
	m.work.Add(1)
	m.mu.Unlock()
	defer m.work.Done()
	s.close(errDeleted)
	return nil
}

// Close ends every session, and waits until none is left.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	for id, s := range m.sessions {
		delete(m.sessions, id)
		m.work.Go(func() { s.close(errStopped) })
	}
	m.mu.Unlock()
	m.work.Wait()
	m.drain.Close()
	if err := m.dir.Close(); err != nil {
		m.log.Warn("remove the pipes of sessions", "error", err)
	}
}

// close ends the run that is under way, all that wait for their turn, and every process.
func (s *session) close(reason error) {
	s.end(reason)
	<-s.turn // never given back
	if s.shell != nil {
		s.past = append(s.past, s.shell)
	}
	for _, p := range s.past {
		p.hangUp()
	}
	endAll(s.past, nil)
	for _, p := range s.past {
		p.work.Wait()
	}
}
