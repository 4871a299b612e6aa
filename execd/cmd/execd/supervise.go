package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/supervise"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/prepared"
)

type superviseCmd struct {
	Await   bool     `help:"Wait on standard input for COMMAND, its variables and the token: in a container that a server keeps ready."`
	Command []string `arg:"" optional:"" passthrough:"" help:"Program and arguments of the sandbox's own first process, after --."`
}

// Validate refuses what says no program, or says it twice.
func (c *superviseCmd) Validate() error {
	if c.Await == (len(c.Command) > 0) {
		return errors.New("expected a program after --, or --await")
	}
	return nil
}

func (c *superviseCmd) Run(flags daemonFlags, given secret) error {
	token, err := flags.token(given)
	if err != nil {
		return err
	}
	daemon := []string{
		"--listen", flags.Listen, "--keep-output", strconv.FormatInt(flags.KeepOutput, 10),
		"--keep-outputs", strconv.FormatInt(flags.KeepOutputs, 10), "--keep-commands", strconv.Itoa(flags.KeepCommands),
		"--code-port", strconv.Itoa(flags.CodePort),
	}
	if flags.PreferKernels {
		daemon = append(daemon, "--prefer-kernels")
	}
	if flags.Root != "" {
		daemon = append(daemon, "--root", flags.Root)
	}
	if flags.Verbose {
		daemon = append(daemon, "--verbose")
	}
	entrypoint := c.Command
	if len(entrypoint) > 0 && entrypoint[0] == "--" { // kong hands it on
		entrypoint = entrypoint[1:]
	}
	run := supervise.Config{Log: flags.log(), Stderr: os.Stderr, Entrypoint: entrypoint, Daemon: daemon, Token: token}
	switch {
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
