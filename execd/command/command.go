// Package command runs shell commands: it starts each in a process group of its own, streams what it
// writes, ends it when its time is up, when that is asked for or when its client has gone away, and leaves no
// process, descriptor or goroutine behind. In the background a command goes on without a client. It knows no
// HTTP; refusals are fault.Errors.
//
// How a command is doing, and what it has written, can be asked for while it runs and afterwards: the state of
// the newest Config.Keep commands that have ended, and their output within the limits of package transcript.
// Standard output and standard error are two pipes, so that what a command writes to both within the same
// moment may be told in another order than it was written in.
package command

import (
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/shell"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
)

// killAfter is how long the processes of a command have between SIGTERM and SIGKILL.
const killAfter = 3 * time.Second

const (
	stopped     = "it was ended because the daemon stops"
	gone        = "it was ended because its client went away"
	interrupted = "it was interrupted"
)

// Config is what a Manager needs. The zero value runs commands with the daemon's environment.
type Config struct {
	Log *slog.Logger // nil: slog.Default()
	Env []string     // the environment of every command; nil: os.Environ(). EXECD_… is never handed on

	Dir    string // for what commands write, made when it is first needed; "": execd in os.TempDir()
	Output int64  // bytes kept of what one command writes, the newest; 0: transcript.DefaultLimit
	Total  int64  // bytes kept of all commands that have ended; 0: transcript.DefaultTotal
	Keep   int    // commands that have ended whose state is kept; 0: DefaultKeep
}

// Manager owns every command.
type Manager struct {
	log         *slog.Logger
	env         []string
	transcripts *transcript.Store
	drain       output.Drain

	mu     sync.Mutex
	closed bool
	known  map[string]*Command
	ended  history
	work   sync.WaitGroup
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
		c.Dir = filepath.Join(os.TempDir(), "execd")
	}
	if c.Keep <= 0 {
		c.Keep = DefaultKeep
	}
	return &Manager{
		log:         c.Log,
		env:         shell.Env(c.Env),
		transcripts: transcript.Open(transcript.Config{Log: c.Log, Dir: c.Dir, Limit: c.Output, Total: c.Total}),
		known:       map[string]*Command{},
		ended:       history{keep: c.Keep},
	}
}

// Spec says what to run.
type Spec struct {
	Command  string            // for the shell
	Dir      string            // working directory; "": the daemon's
	Env      map[string]string // beside and over the manager's
	Timeout  time.Duration     // 0: none
	UID, GID *uint32           // nil: the daemon's user; GID only with UID

	Background bool // it goes on without a client
}

// Command is a process that was started by a shell, with all that it starts in its process group.
type Command struct {
	ID      string // not to be guessed
	Started time.Time

	spec    Spec
	m       *Manager
	cmd     *exec.Cmd // nil once all is over
	pid     int
	output  *output.Pair
	written *transcript.Transcript
	ending  chan string            // takes a reason to end it; the first counts
	reason  atomic.Pointer[string] // why it is being ended
	exited  chan struct{}          // closed when exit is set
	exit    Exit
	drained chan struct{} // closed when all output has been taken
}

// Start starts a command. It fails with a fault.Error where the caller can mend it: no shell, no such
// directory, a user that can't be taken. The caller must go on with Stream.
func (m *Manager) Start(spec Spec) (*Command, error) {
	c := &Command{
		ID: rand.Text(), spec: spec, m: m, written: m.transcripts.New(),
		ending: make(chan string, 1), exited: make(chan struct{}), drained: make(chan struct{}),
	}
	var err error
	if c.cmd, err = m.prepare(spec); err != nil {
		return nil, err
	}
	if c.output, err = output.NewPair(); err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = c.output.Children()
	if err := m.start(c); err != nil {
		c.output.Close()
		return nil, err
	}
	c.output.CloseChildren()
	go c.wait()
	go c.guard()
	if spec.Background {
		go func() {
			defer m.work.Done()
			c.pump(output.Sink{})
		}()
	}
	return c, nil
}

// start starts the process; several may start at once.
func (m *Manager) start(c *Command) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return fault.Errorf(fault.Unavailable, "the daemon is stopping")
	}
	m.work.Add(2) // Close waits for wait and guard from here on
	if c.spec.Background {
		m.work.Add(1) // and for the output that no caller waits for
	}
	m.mu.Unlock()
	c.Started = time.Now()
	err := c.cmd.Start()
	if err == nil {
		c.pid = c.cmd.Process.Pid
		shell.Expendable(c.pid)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.work.Add(-2)
		if c.spec.Background {
			m.work.Done()
		}
		return startError(c.spec, err)
	}
	m.known[c.ID] = c
	if m.closed {
		c.end(stopped)
	}
	return nil
}

// Interrupt ends a command, in the foreground or the background; one that has ended already is left as it is. It
// does not wait for the end.
func (m *Manager) Interrupt(id string) error {
	c, err := m.find(id)
	if err != nil {
		return err
	}
	c.end(interrupted)
	return nil
}

// Close ends every command as a timeout would, and waits until none is left.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	for _, c := range m.known {
		c.end(stopped)
	}
	m.mu.Unlock()
	m.drain.Close() // and take none from here on
	m.work.Wait()
	m.transcripts.Close()
}

// wait reaps the process and starts the time that its output has left.
func (c *Command) wait() {
	defer c.m.work.Done()
	_ = c.cmd.Wait() // the state says it all
	c.exit = Exit{Finished: time.Now(), state: c.cmd.ProcessState}
	c.exit.Took = c.exit.Finished.Sub(c.Started)
	if reason := c.reason.Load(); reason != nil {
		c.exit.ended = *reason
	}
	close(c.exited)
	c.output.EndAt(c.exit.Finished.Add(output.Grace))
}

// end asks for the end of the command; the first reason counts.
func (c *Command) end(reason string) {
	select {
	case c.ending <- reason:
	default:
	}
}

// guard ends the process group when that is asked for or its time is up: SIGTERM, then SIGKILL.
func (c *Command) guard() {
	defer c.m.work.Done()
	var timeout <-chan time.Time
	if c.spec.Timeout > 0 {
		t := time.NewTimer(c.spec.Timeout)
		defer t.Stop()
		timeout = t.C
	}
	var reason string
	select {
	case <-c.exited:
		return
	case <-timeout:
		reason = "it was ended by its timeout of " + c.spec.Timeout.String()
	case reason = <-c.ending:
	}
	c.reason.Store(&reason)
	_ = c.signal(syscall.SIGTERM) // a group that is gone needs none
	kill := time.NewTimer(killAfter)
	defer kill.Stop()
	select {
	case <-c.exited:
		if c.signal(0) == syscall.ESRCH { // the whole group is gone
			return
		}
		<-kill.C
	case <-kill.C:
	}
	_ = c.signal(syscall.SIGKILL)
}

// signal reaches the whole process group, which keeps its id as long as any process is in it.
func (c *Command) signal(s syscall.Signal) error {
	return syscall.Kill(-c.pid, s)
}
