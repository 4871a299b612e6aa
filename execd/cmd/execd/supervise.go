package main

import (
	"errors"
	"os"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/supervise"
)

type superviseCmd struct {
	Command []string `arg:"" passthrough:"" help:"Program and arguments of the sandbox's own first process, after --."`
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
	if entrypoint[0] == "--" { // kong hands it on
		entrypoint = entrypoint[1:]
	}
	if len(entrypoint) == 0 {
		return errors.New("supervise needs a program to start")
	}
	os.Exit(supervise.Run(supervise.Config{
		Log:        flags.log(),
		Stderr:     os.Stderr,
		Entrypoint: entrypoint,
		Daemon:     daemon,
		Token:      token,
	}))
	return nil
}
