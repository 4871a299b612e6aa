package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/outage"
)

const apiKey = "crash"

// server is the process that is killed. It always has the same state.
type server struct {
	binary, dir, log string
	runtime          string      // the server's --runtime
	network          string      // of Docker; "": the server's own
	way              *outage.Way // nil: the server has the engine itself

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is over
	base string        // of its URL; "": it is not up
	up   chan struct{} // closed when base is set
}

// launch starts a process. It is not up yet.
func (s *server) launch() (address string, err error) {
	address = filepath.Join(s.dir, "address")
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer log.Close()
	cmd := exec.Command(s.binary, "serve", "--listen", "127.0.0.1:0", "--state", filepath.Join(s.dir, "state"),
		"--address-file", address, "--retention", "24h", "--runtime", s.runtime)
	cmd.Env = append(os.Environ(), "OPENSANDBOX_API_KEY="+apiKey)
	if s.network != "" {
		cmd.Args = append(cmd.Args, "--docker-network", s.network)
	}
	if s.way != nil {
		if err := s.way.Mend(); err != nil {
			return "", err
		}
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+s.way.Host())
	}
	cmd.Stderr = log
	// Whatever becomes of this program, the server doesn't outlive it; nor does
	// it get the Ctrl-C that this one gets.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the server: %w", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.done = cmd, done
	if s.up == nil {
		s.up = make(chan struct{})
	}
	return address, nil
}

// start starts the server and waits until it is up.
func (s *server) start(ctx context.Context) error {
	file, err := s.launch()
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		if address, err := os.ReadFile(file); err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.base = "http://" + strings.TrimSpace(string(address))
			close(s.up)
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("the server ended while it started:\n%s", s.lastLog())
		case <-deadline:
			return fmt.Errorf("the server is not up after 30 s:\n%s", s.lastLog())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startAndKill starts the server and kills it a moment later, up or not.
func (s *server) startAndKill(ctx context.Context, after time.Duration) error {
	if _, err := s.launch(); err != nil {
		return err
	}
	defer s.kill()
	return pause(ctx, after)
}

// kill kills the process, if there is one, and waits for its end.
func (s *server) kill() {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	if s.base != "" {
		s.base, s.up = "", make(chan struct{})
	}
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-done
}

// stop ends the server as an operator does.
func (s *server) stop() error {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.mu.Unlock()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		return errors.New("the server does not end within 30 s after SIGTERM")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("after SIGTERM the server ended with %d", code)
	}
	return nil
}

// url waits until the server is up.
func (s *server) url(ctx context.Context) (string, error) {
	for {
		s.mu.Lock()
		base, up := s.base, s.up
		s.mu.Unlock()
		if base != "" {
			return base, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// instance is the id by which the engine knows the server's containers.
func (s *server) instance() (string, error) {
	id, err := os.ReadFile(filepath.Join(s.dir, "state", "instance"))
	return strings.TrimSpace(string(id)), err
}

func (s *server) lastLog() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}
