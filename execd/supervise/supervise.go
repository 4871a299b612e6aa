package supervise

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

const (
	// steady is how long a daemon must have lived for its next start to come at once.
	steady   = 10 * time.Second
	maxDelay = 5 * time.Second
	// stopTime is what the daemon has to end its commands, where the end of this process does not end it.
	stopTime = 5 * time.Second
)

// Config says what to run.
type Config struct {
	Log        *slog.Logger
	Stderr     io.Writer // takes what goes wrong with the entrypoint
	Entrypoint []string  // program and arguments
	Env        []string  // of the entrypoint and the daemon, without what is the daemon's own; nil: os.Environ()
	Daemon     []string  // arguments of this program that make it the daemon
	Token      string    // for the daemon
	// Handed are open files that the daemon gets as descriptors 3, 4, ….
	Handed []*os.File
	// Said is a directory in which to tell how the entrypoint ended, for a server that can't wait for this
	// process, which then keeps what the entrypoint writes to itself; "": nobody asks.
	Said string
	// Control is a socket at which this process, if it is PID 1, takes the server's orders; nil: nobody gives any.
	Control *os.File
}

// Run starts the entrypoint and the daemon and stays until the entrypoint has ended. Meanwhile it reaps every
// process that ends, passes signals on to the entrypoint and restarts the daemon when it dies. The result is
// the exit status for this process: the entrypoint's own, 128 and the number where a signal ended it, 127
// where it is not there and 126 where it can't be executed.
//
// It waits for all children of this process: nothing else in it may start any.
func Run(c Config) int {
	signals := Signals()
	if os.Getpid() != 1 {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // processes left behind come here all the same
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	s := &supervisor{Config: c, env: withoutOwn(c.Env)}
	errors := uintptr(2)
	var words *lastWords
	if c.Said != "" {
		var err error
		if words, err = listenFor(); err != nil {
			c.Log.Error("the entrypoint's last words can't be kept", "error", err)
		} else {
			errors = words.w.Fd()
		}
	}
	program, err := find(c.Entrypoint[0], s.env)
	if err == nil {
		s.entrypoint, err = syscall.ForkExec(program, c.Entrypoint, &syscall.ProcAttr{Env: s.env, Files: []uintptr{0, 1, errors}})
	}
	if err != nil {
		status, reason := explain(c.Entrypoint[0], program, err)
		fmt.Fprintf(c.Stderr, "execd: entrypoint: %s\n", reason)
		s.tell(status, "execd: entrypoint: "+reason)
		return status
	}
	words.begin()
	if err := obey(c.Control); err != nil {
		c.Log.Error("the server can't pause what runs here", "error", err)
	}
	s.startDaemon()
	go s.passOn(signals) // until this process ends
	status := s.reap()
	s.tell(status, words.last())
	s.stopDaemon()
	return status
}

// tell leaves word of how the entrypoint ended.
func (s *supervisor) tell(status int, message string) {
	if s.Said == "" {
		return
	}
	if err := (stage.End{Status: status, Message: message}).Tell(s.Said); err != nil {
		s.Log.Error("tell how the entrypoint ended", "error", err)
	}
}

type supervisor struct {
	Config
	env        []string
	entrypoint int // pid

	mu      sync.Mutex // held while a child starts, so that it is known before it is reaped
	daemon  int        // pid; 0: not running
	started time.Time
	delay   time.Duration // before the next start
	ended   bool          // the entrypoint has ended: no more starts
}

// passOn sends to the entrypoint what this process gets, but for what the runtime sends itself and what is
// only about children.
func (s *supervisor) passOn(signals <-chan os.Signal) {
	for sig := range signals {
		if sig == syscall.SIGURG || sig == syscall.SIGCHLD {
			continue
		}
		_ = syscall.Kill(s.entrypoint, sig.(syscall.Signal)) // it may have ended
	}
}

// reap waits for every child until the entrypoint has ended, and gives its exit status.
func (s *supervisor) reap() int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil { // no child at all can't be: the entrypoint is one until it is reaped here
			s.Log.Error("wait for children", "error", err)
			return 1
		}
		if pid == s.entrypoint {
			return exitStatus(status)
		}
		s.mu.Lock()
		if pid == s.daemon {
			s.daemon = 0
			s.Log.Error("the daemon died", "status", exitStatus(status), "after", time.Since(s.started))
			s.restartDaemon()
		}
		s.mu.Unlock()
	}
}

func exitStatus(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// restartDaemon starts it again, later each time where it dies young. s.mu is held.
func (s *supervisor) restartDaemon() {
	if time.Since(s.started) >= steady {
		s.delay = 0
	}
	time.AfterFunc(s.delay, s.startDaemon)
	s.delay = min(max(2*s.delay, 50*time.Millisecond), maxDelay)
}

func (s *supervisor) startDaemon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.started = time.Now()
	pid, err := s.forkDaemon()
	if err != nil {
		s.Log.Error("the daemon can't be started", "error", err)
		s.restartDaemon()
		return
	}
	s.daemon = pid
}

func (s *supervisor) forkDaemon() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{
		Env:   s.env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true}, // out of reach of signals to the entrypoint's group
	}
	for _, f := range s.Handed {
		attr.Files = append(attr.Files, f.Fd())
	}
	if s.Token != "" {
		pipe, err := tokenPipe(s.Token)
		if err != nil {
			return 0, err
		}
		defer pipe.Close()
		attr.Env = append(attr.Env[:len(attr.Env):len(attr.Env)], fdVar+"="+strconv.Itoa(len(attr.Files)))
		attr.Files = append(attr.Files, pipe.Fd())
	}
	return syscall.ForkExec(self, append([]string{self}, s.Daemon...), attr)
}

// stopDaemon ends the daemon. In a process namespace of its own the end of this process ends all others.
func (s *supervisor) stopDaemon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if os.Getpid() == 1 || s.daemon == 0 {
		return
	}
	pid := s.daemon
	_ = syscall.Kill(pid, syscall.SIGTERM)
	kill := time.AfterFunc(stopTime, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	defer kill.Stop()
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}
