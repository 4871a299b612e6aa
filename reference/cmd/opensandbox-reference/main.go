// Command opensandbox-reference is the lifecycle server.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the lifecycle API until SIGTERM or SIGINT. Sandboxes live on; the next start finds them."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	var cli commands
	parsed := kong.Parse(&cli,
		kong.Name("opensandbox-reference"),
		kong.Description("The reference server of the OpenSandbox lifecycle API."),
		kong.UsageOnError(),
		kong.Vars{"state": defaultState(), "execd": defaultExecd()},
	)
	parsed.FatalIfErrorf(parsed.Run())
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
