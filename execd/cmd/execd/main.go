// Command execd is the daemon inside a sandbox, and the first process of its container.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/supervise"
)

type cli struct {
	Version kong.VersionFlag `help:"Print the version and exit."`
	daemonFlags

	Serve     serveCmd     `cmd:"" default:"1" help:"Serve the API; this is what execd does without a command."`
	Supervise superviseCmd `cmd:"" help:"Be the first process of a container: start COMMAND and the daemon, reap, pass signals on, and end as COMMAND ends."`
	Stage     stageCmd     `cmd:"" hidden:"" help:"Make a sandbox of this process; for the reference server's runtime process."`
	Dial      dialCmd      `cmd:"" help:"Connect standard input and output to a port of this sandbox; a plus sign says that it stands."`
}

// daemonFlags are for both commands: supervise hands them on to the daemon that it starts.
type daemonFlags struct {
	Listen        string `default:":44772" placeholder:"ADDR" help:"Address to listen on (${default})."`
	TokenFile     string `placeholder:"FILE" help:"File with the token that callers must send. Without it, and without EXECD_ACCESS_TOKEN, anyone may call."`
	Root          string `placeholder:"DIR" help:"Directory for what the daemon keeps; made when it is first needed (default: execd in the directory for temporary files)."`
	CodePort      int    `default:"44771" placeholder:"PORT" help:"Loopback port that is open once code can be run (${default}); 0: none."`
	PreferKernels bool   `help:"Let a Jupyter kernel of the image serve python, javascript or bash where there is one, in place of the driver that is built in."`
	Verbose       bool   `help:"Log every request."`
	Also          string `hidden:"" placeholder:"ADDR" help:"Address to listen on besides, where it is free."`
	Ports         string `hidden:"" placeholder:"fd:N" help:"Socket by which the server that handed it down reaches ports of the sandbox."`
	Egress        string `hidden:"" placeholder:"SOCKET" help:"Socket of the proxy that programs of the sandbox find at 127.0.0.1:3128."`

	KeepOutput   int64 `default:"64" placeholder:"MIB" help:"How much of what one command writes is kept for those who ask later, in MiB; the newest counts (${default})."`
	KeepOutputs  int64 `default:"256" placeholder:"MIB" help:"The same for all commands that have ended; the oldest are dropped first (${default})."`
	KeepCommands int   `default:"1000" placeholder:"N" help:"Of how many commands that have ended the status is kept (${default})."`
}

func main() {
	// Before anything else: the environment is readable to others until this is done.
	token, err := supervise.TakeToken()
	if err == nil {
		err = supervise.Harden()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "execd: %v\n", err)
		os.Exit(1)
	}
	var c cli
	ctx := kong.Parse(&c, kong.Name("execd"), kong.Description("The daemon inside a sandbox: runs commands and code, and moves files, for callers over HTTP."),
		kong.Vars{"version": version()}, kong.UsageOnError())
	ctx.FatalIfErrorf(ctx.Run(c.daemonFlags, secret(token)))
}

// Validate refuses what would keep nothing.
func (f daemonFlags) Validate() error {
	if f.KeepOutput < 1 || f.KeepOutputs < 1 || f.KeepCommands < 1 {
		return errors.New("--keep-output, --keep-outputs and --keep-commands must be 1 or more")
	}
	return nil
}

func (f daemonFlags) keep() execd.Keep {
	return execd.Keep{Output: f.KeepOutput << 20, Total: f.KeepOutputs << 20, Endings: f.KeepCommands}
}

// secret is a token that came with the environment.
type secret string

// token is what callers must send, from the file where there is one.
func (f daemonFlags) token(given secret) (string, error) {
	if f.TokenFile == "" {
		return string(given), nil
	}
	b, err := os.ReadFile(f.TokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if token == "" { // a mistake here must not open the daemon to anyone
		return "", fmt.Errorf("%s holds no token", f.TokenFile)
	}
	return token, nil
}

func (f daemonFlags) log() *slog.Logger {
	level := slog.LevelInfo
	if f.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return info.Main.Version + " " + s.Value
			}
		}
		return info.Main.Version
	}
	return "unknown"
}
