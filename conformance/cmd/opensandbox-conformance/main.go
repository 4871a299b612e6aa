// Command opensandbox-conformance judges a deployment of the OpenSandbox API.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Exit statuses, beside those of a report.
const (
	exitFailure      = 1
	exitUsage        = 2
	exitInconclusive = 3
)

type cli struct {
	Run      runCmd      `cmd:"" help:"Judge a deployment."`
	Proxy    proxyCmd    `cmd:"" help:"Judge what passes between clients and a deployment."`
	Verify   verifyCmd   `cmd:"" help:"Judge again what a report is about, and print what changed."`
	Diff     diffCmd     `cmd:"" help:"Print what changed from one report to another."`
	Baseline baselineCmd `cmd:"" help:"Write the file of expected failures from a report."`
	List     listCmd     `cmd:"" help:"List every requirement with level, group, source, and the scenarios that check it."`
	Explain  explainCmd  `cmd:"" help:"Print a requirement with all that is known of it."`
	Schema   schemaCmd   `cmd:"" help:"Print the JSON Schema of report.json."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

func main() {
	var c cli
	ledger, err := spec.Ledger()
	if err != nil {
		fmt.Fprintln(os.Stderr, "opensandbox-conformance:", err)
		os.Exit(exitFailure)
	}
	parser := kong.Must(&c,
		kong.Vars{"allgroups": strings.Join(groupNames(ledger), ", ")},
		kong.Name("opensandbox-conformance"),
		kong.Description("Judges a deployment of the OpenSandbox API: does it do what the documents say?"),
		kong.UsageOnError(),
	)
	ctx, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "opensandbox-conformance: %v\nSee opensandbox-conformance --help.\n", err)
		os.Exit(exitUsage)
	}
	if err := ctx.Run(); err != nil {
		var status exitStatus
		if errors.As(err, &status) {
			os.Exit(int(status))
		}
		fmt.Fprintln(os.Stderr, "opensandbox-conformance:", err)
		var wrong *conformance.UsageError
		if errors.As(err, &wrong) {
			os.Exit(exitUsage)
		}
		os.Exit(exitFailure)
	}
}

// exitStatus ends the program with a status and no further word.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

type versionCmd struct{}

func (versionCmd) Run() error {
	_, err := fmt.Println("opensandbox-conformance", version())
	return err
}

// version is what the Go toolchain recorded: the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
