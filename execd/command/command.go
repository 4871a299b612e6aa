// Package command runs shell commands: it starts each in a process group of its own, streams what it
// writes, ends it when its time is up or its client has gone away, and leaves no process, descriptor or
// goroutine behind. It knows no HTTP; refusals are fault.Errors.
package command

import (
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

const (
	// killAfter is how long the processes of a command have between SIGTERM and SIGKILL.
	killAfter = 3 * time.Second
	// grace is how long output is waited for after the command's end, when a process that it left behind
	// still holds the pipe.
	grace = 250 * time.Millisecond
)

const (
	stopped = "it was ended because the daemon stops"
	gone    = "it was ended because its client went away"
)

// Config is what a Manager needs. The zero value runs commands with the daemon's environment.
type Config struct {
	Log *slog.Logger // nil: slog.Default()
	Env []string     // the environment of every command; nil: os.Environ(). EXECD_… is never handed on
}

// Manager owns every running command.
type Manager struct {
	log *slog.Logger
	env []string

	mu      sync.Mutex
	closed  bool
	running map[string]*Command
	left    map[*os.File]struct{} // pipes that processes left behind still hold
	work    sync.WaitGroup
}

// NewManager makes a Manager; the caller must Close it.
func NewManager(c Config) *Manager {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	return &Manager{log: c.Log, env: commandEnv(c.Env), running: map[string]*Command{}, left: map[*os.File]struct{}{}}
}

// Spec says what to run.
type Spec struct {
	Command  string            // for the shell
	Dir      string            // working directory; "": the daemon's
	Env      map[string]string // beside and over the manager's
	Timeout  time.Duration     // 0: none
	UID, GID *uint32           // nil: the daemon's user; GID only with UID
}

// Command is a process that was started by a shell, with all that it starts in its process group.
type Command struct {
	ID      string // not to be guessed
	Spec    Spec
	Started time.Time

	m      *Manager
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	ending chan string            // takes a reason to end it; the first counts
	ended  atomic.Pointer[string] // the reason why it is being ended
	exited chan struct{}          // closed when exit is set
	exit   Exit
}

// Start starts a command. It fails with a fault.Error where the caller can mend it: no shell, no such
// directory, a user that can't be taken. The caller must go on with Stream.
func (m *Manager) Start(spec Spec) (*Command, error) {
	c := &Command{ID: rand.Text(), Spec: spec, m: m, ending: make(chan string, 1), exited: make(chan struct{})}
	var err error
	if c.cmd, err = m.prepare(spec); err != nil {
		return nil, err
	}
	if err := c.pipes(); err != nil {
		return nil, err
	}
	if err := m.start(c); err != nil {
		c.closePipes()
		return nil, err
	}
	c.closeChildEnds()
	go c.wait()
	go c.guard()
	return c, nil
}

// start starts the process; several may start at once.
func (m *Manager) start(c *Command) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return fault.Errorf(fault.Unavailable, "the daemon is stopping")
	}
	m.work.Add(2) // Close waits for the two goroutines from here on
	m.mu.Unlock()
	c.Started = time.Now()
	err := c.cmd.Start()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.work.Add(-2)
		return startError(c.Spec, err)
	}
	m.running[c.ID] = c
	if m.closed {
		c.end(stopped)
	}
	return nil
}

// Close ends every command as a timeout would, and waits until none is left.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	for _, c := range m.running {
		c.end(stopped)
	}
	for f := range m.left {
		f.Close()
	}
	m.mu.Unlock()
	m.work.Wait()
}

// wait reaps the process and starts the time that its output has left.
func (c *Command) wait() {
	defer c.m.work.Done()
	_ = c.cmd.Wait() // the state says it all
	c.exit = Exit{Took: time.Since(c.Started), state: c.cmd.ProcessState}
	if reason := c.ended.Load(); reason != nil {
		c.exit.ended = *reason
	}
	close(c.exited)
	until := time.Now().Add(grace)
	c.stdout.endAt(until)
	c.stderr.endAt(until)
	c.m.mu.Lock()
	delete(c.m.running, c.ID)
	c.m.mu.Unlock()
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
	if c.Spec.Timeout > 0 {
		t := time.NewTimer(c.Spec.Timeout)
		defer t.Stop()
		timeout = t.C
	}
	var reason string
	select {
	case <-c.exited:
		return
	case <-timeout:
		reason = "it was ended by its timeout of " + c.Spec.Timeout.String()
	case reason = <-c.ending:
	}
	c.ended.Store(&reason)
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
	return syscall.Kill(-c.cmd.Process.Pid, s)
}
