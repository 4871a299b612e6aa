package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/supervise"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// stageCmd is what the reference server's runtime "process" starts in namespaces of its own. Package internal/stage
// describes it.
type stageCmd struct {
	Hold bool `hidden:"" help:"Do nothing until standard input ends; for a namespace."`
}

// Run becomes the first process of a sandbox.
func (c *stageCmd) Run(daemonFlags, secret) error {
	if c.Hold {
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	signals := supervise.Signals()
	s, err := stage.Enter()
	if err != nil {
		s.Fail(err)
		os.Exit(1)
	}
	status, err := become(s, signals)
	if err != nil {
		s.Fail(err)
		status = 1
	}
	os.Exit(status)
	return nil
}

// become makes this process the supervisor, or PID 1 above it.
func become(s *stage.Stage, signals <-chan os.Signal) (status int, err error) {
	token, err := supervise.TokenPipe(s.Token)
	if err != nil {
		return 0, err
	}
	files := []*os.File{s.Execd, s.Ports, token}
	fds := []int{int(s.Execd.Fd()), int(s.Ports.Fd()), int(token.Fd())}
	if s.Shift != nil || s.Plain != nil {
		fds = []int{3, 4, 5}
	}
	confine := "--confine"
	if s.Plain != nil {
		how, err := json.Marshal(s.Plain)
		if err != nil {
			return 0, err
		}
		confine = plainFlag + string(how)
	}
	args := append([]string{s.Program, "supervise", confine, "--listen", handedPrefix + strconv.Itoa(fds[0]), "--ports", handedPrefix + strconv.Itoa(fds[1])}, s.Flags...)
	args = append(append(args, "--"), s.Entrypoint...)
	env := append(s.Env[:len(s.Env):len(s.Env)], supervise.TokenVariable(fds[2]))
	if s.Plain != nil {
		return keep(s, signals, args, env, files)
	}
	if s.Shift == nil {
		fds = append(fds, int(s.Control.Fd()))
		args = slices.Insert(args, 2, "--control", handedPrefix+strconv.Itoa(fds[3]))
		for _, fd := range fds {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil { // stays open over the exec
				return 0, err
			}
		}
		return 0, fmt.Errorf("start %s: %w", s.Program, syscall.Exec(s.Program, args, env))
	}
	log := slog.New(slog.DiscardHandler)
	outer := supervise.Outer{Log: log, Program: s.Program, Args: args, Env: env, Files: files, Shift: *s.Shift, Control: s.Control}
	pid, err := outer.Start()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", s.Program, err)
	}
	for _, f := range files {
		f.Close()
	}
	// What is left is to stop, to kill and to wait.
	if err := confined([]int{unix.CAP_KILL}); err != nil {
		return 0, err
	}
	s.Done()
	return outer.Wait(pid, signals), nil
}

// keep starts the supervisor below this process, which stays outside of what confines it.
func keep(s *stage.Stage, signals <-chan os.Signal, args, env []string, files []*os.File) (status int, err error) {
	keeper := supervise.Keeper{Log: slog.New(slog.DiscardHandler), Program: s.Program, Args: args, Env: env, Files: files, UID: s.Plain.UID}
	pid, err := keeper.Start()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", s.Program, err)
	}
	for _, f := range files {
		f.Close()
	}
	if s.Plain.UID != 0 { // root: what is left is to stop, to kill and to wait
		if err := stage.Confine([]int{unix.CAP_KILL}); err != nil {
			return 0, err
		}
	}
	s.Done()
	return keeper.Wait(pid, signals), nil
}
