// Command mutants runs every mutant: deployments that are broken on purpose, each of which the suite must catch, and
// benign variants, which it must leave alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"syscall"

	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx)
	stop()
	os.Exit(status)
}

// run returns the exit status: 0 where all is as it must be, 1 where not, 2 for a wrong call.
func run(ctx context.Context) int {
	pattern := flag.String("run", "", "only mutants whose requirement and name match this expression")
	plane := flag.String("plane", "all", "execd, lifecycle, or all")
	engine := flag.String("runtime", "auto", "what runs sandboxes: docker, process, or auto, process where this is root or no Docker engine answers")
	parallel := flag.Int("parallel", 28, "how many of each plane at once")
	execdPath := flag.String("execd", filepath.Join("bin", "execd"), "the daemon's binary, for sandboxes")
	quiet := flag.Bool("quiet", false, "print only what is not as it must be, and the totals")
	image := flag.String("image", localImage, "image of the sandboxes")
	profile := flag.String("cpuprofile", "", "write a profile of the run to this file, for go tool pprof")
	published := flag.String("markdown", "", "write down what killed which mutant in this file, docs/mutants.md")
	flag.Parse()
	expr, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants: -run:", err)
		return 2
	}
	if !slices.Contains([]string{"auto", "docker", "process"}, *engine) {
		fmt.Fprintln(os.Stderr, "mutants: -runtime is auto, docker or process")
		return 2
	}
	switch temp := os.Getenv(ownTemp); {
	case temp != "":
		if err := keepApart(temp, written(*published, *profile)...); err != nil {
			fmt.Fprintln(os.Stderr, "mutants: can't be kept apart from this machine's files:", err)
			return 1
		}
	case os.Getuid() != 0:
		fmt.Fprintln(os.Stderr, "mutants: daemons that are broken on purpose run as you: only root can keep them apart from this machine's files")
	default:
		status, err := runApart(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mutants:", err)
			return 1
		}
		return status
	}
	lab := &Lab{Execd: *execdPath, Image: *image}
	if *engine == "process" || *engine == "auto" && (os.Getuid() == 0 || !engineAnswers(ctx)) {
		lab.Processes, lab.Image = true, process.Image
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "mutants: -cpuprofile:", err)
			return 1
		}
		defer pprof.StopCPUProfile()
	}
	debug.SetGCPercent(400) // much is made and soon forgotten, and memory is not short
	progress := io.Writer(os.Stderr)
	if *quiet {
		progress = io.Discard
	}
	results, err := lab.Run(ctx, *plane, *parallel, expr, progress)
	if *published != "" {
		err = errors.Join(err, updateMarkdown(*published, results))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		return 1
	}
	good := Print(os.Stdout, results, *quiet)
	if !good {
		return 1
	}
	return 0
}

// written are the directories of files that are to be written.
func written(files ...string) []string {
	var dirs []string
	for _, f := range files {
		if f == "" {
			continue
		}
		if path, err := filepath.Abs(f); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	return dirs
}

// engineAnswers says whether there is a Docker engine to run sandboxes.
func engineAnswers(ctx context.Context) bool {
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return false
	}
	defer engine.Close()
	_, err = engine.Ping(ctx)
	return err == nil
}
