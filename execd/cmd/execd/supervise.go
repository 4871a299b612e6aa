package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/supervise"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/prepared"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
)

type superviseCmd struct {
	Confine bool     `hidden:"" help:"Give up capabilities, and new privileges, first."`
	Plain   string   `hidden:"" placeholder:"JSON" help:"Confine this process so first."`
	Control string   `hidden:"" placeholder:"fd:N" help:"Socket at which to take orders of the server that handed it down."`
	Said    string   `hidden:"" placeholder:"DIR" help:"Directory to tell in how the program ended."`
	Await   bool     `help:"Wait on standard input for COMMAND, its variables and the token: in a container that a server keeps ready."`
	Command []string `arg:"" optional:"" passthrough:"" help:"Program and arguments of the sandbox's own first process, after --."`
}

func (c *superviseCmd) Run(flags daemonFlags, given secret) error {
	if err := c.confine(flags, given); err != nil {
		if c.Said != "" {
			err = errors.Join(err, stage.End{Status: 1, Message: err.Error()}.Tell(c.Said))
		}
		return err
	}
	token, err := flags.token(given)
	if err != nil {
		return err
	}
	var files []*os.File
	for _, address := range []*string{&flags.Listen, &flags.Ports} {
		f, err := handed(*address)
		if err != nil {
			return err
		}
		if f != nil {
			*address = handedPrefix + strconv.Itoa(3+len(files))
			files = append(files, f)
		}
	}
	daemon := []string{
		"--listen", flags.Listen, "--keep-output", strconv.FormatInt(flags.KeepOutput, 10),
		"--keep-outputs", strconv.FormatInt(flags.KeepOutputs, 10), "--keep-commands", strconv.Itoa(flags.KeepCommands),
		"--code-port", strconv.Itoa(flags.CodePort),
	}
	if flags.PreferKernels {
		daemon = append(daemon, "--prefer-kernels")
	}
	if flags.Also != "" {
		daemon = append(daemon, "--also", flags.Also)
	}
	if flags.Ports != "" {
		daemon = append(daemon, "--ports", flags.Ports)
	}
	if flags.Egress != "" {
		daemon = append(daemon, "--egress", flags.Egress)
	}
	if flags.Root != "" {
		daemon = append(daemon, "--root", flags.Root)
	}
	if flags.Verbose {
		daemon = append(daemon, "--verbose")
	}
	control, err := handed(c.Control)
	if err != nil {
		return err
	}
	entrypoint := c.Command
	if len(entrypoint) > 0 && entrypoint[0] == "--" { // kong hands it on
		entrypoint = entrypoint[1:]
	}
	run := supervise.Config{
		Log: flags.log(), Stderr: os.Stderr, Entrypoint: entrypoint, Daemon: daemon, Token: token,
		Handed: files, Said: c.Said, Control: control,
	}
	switch {
	case c.Await && len(entrypoint) > 0:
		return errors.New("supervise needs a program to start or --await, not both")
	case c.Await:
		if err := supervise.Await(&run); err != nil {
			run.Log.Info("no sandbox", "error", err)
			fmt.Fprintln(os.Stderr, prepared.Unused)
			os.Exit(prepared.Status)
		}
	case len(entrypoint) == 0:
		return errors.New("supervise needs a program to start")
	}
	os.Exit(supervise.Run(run))
	return nil
}

func (c *superviseCmd) confine(flags daemonFlags, given secret) error {
	if c.Plain != "" {
		return c.again(flags, given)
	}
	if c.Confine {
		return confined(stage.Capabilities())
	}
	return nil
}

// again confines this process by Landlock and executes it once more. Landlock puts each thread into a domain of its own,
// and one thread could not signal what another one has started; after the exec there is one.
func (c *superviseCmd) again(flags daemonFlags, given secret) error {
	runtime.LockOSThread()
	var plain stage.Plain
	if err := json.Unmarshal([]byte(c.Plain), &plain); err != nil {
		return fmt.Errorf("--plain: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := plain.Confine(); err != nil {
		return err
	}
	pipe, err := supervise.TokenPipe(string(given))
	if err != nil {
		return err
	}
	handedOn := []*os.File{pipe}
	for _, address := range []string{flags.Listen, flags.Ports} {
		f, err := handed(address)
		if err != nil {
			return err
		}
		if f != nil {
			handedOn = append(handedOn, f)
		}
	}
	for _, f := range handedOn {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil { // stays open over the exec
			return err
		}
	}
	args := slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool { return arg == plainFlag+c.Plain })
	env := append(os.Environ(), supervise.TokenVariable(int(pipe.Fd())))
	return fmt.Errorf("start %s again: %w", self, syscall.Exec(self, args, env))
}

// plainFlag is how the flag is given, in one argument.
const plainFlag = "--plain="

// confined leaves this process, and all that it starts, these capabilities and what the filter of system calls lets
// through.
func confined(keep []int) error {
	if err := stage.Confine(keep); err != nil {
		return err
	}
	return confine.Seccomp()
}
