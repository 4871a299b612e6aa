// Command opensandbox-reference is the lifecycle server.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the lifecycle API until SIGTERM or SIGINT. Sandboxes live on; the next start finds them."`
	Config  configCommand  `cmd:"" help:"Print the settings that serve would have, and where each comes from, without secrets. The output is a config file."`
	List    listCommand    `cmd:"" help:"List sandboxes: those of a running server with --url, else those that the state directory holds."`
	GC      gcCommand      `cmd:"" name:"gc" help:"Remove sandboxes that this state directory's server made and its state does not know, while the server does not run."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	var cli commands
	parser := newParser(&cli)
	parsed, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	parsed.FatalIfErrorf(parsed.Run())
}

func newParser(cli *commands) *kong.Kong {
	return kong.Must(cli,
		kong.Name("opensandbox-reference"),
		kong.Description("The reference server of the OpenSandbox lifecycle API."),
		kong.ShortUsageOnError(),
		kong.Vars{"state": defaultState(), "execd": defaultExecd(), "tiers": strings.Join(process.Tiers(), ",")},
	)
}

type versionCommand struct{}

// Run prints what was built, from which commit and with which Go.
func (versionCommand) Run() error {
	version, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(os.Stdout, "opensandbox-reference %s%s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
