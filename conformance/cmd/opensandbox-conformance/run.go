package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/baseline"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

type runCmd struct {
	URL        string `name:"url" default:"http://127.0.0.1:8080/v1" help:"Base URL of the lifecycle API."`
	APIKey     string `name:"api-key" env:"OPEN_SANDBOX_API_KEY" help:"The server's API key."`
	Image      string `default:"opensandbox/debian:local" help:"Image of the sandboxes: with a shell and coreutils, and python3 or node."`
	Out        string `type:"path" default:"out" help:"Folder for report.json, report.html, report.md and junit.xml."`
	Profile    string `enum:"full,lifecycle,execd" default:"full" help:"What to judge: ${enum}."`
	ExecdURL   string `name:"execd-url" help:"URL of a daemon by itself (profile execd)."`
	ExecdToken string `name:"execd-token" env:"EXECD_ACCESS_TOKEN" help:"Its token; empty: it is open to anyone."`

	Groups       []string `help:"Only these groups, separated by commas: ${allgroups}."`
	Capabilities []string `help:"Capabilities that the deployment claims; one that is absent is then an error."`
	Operations   []string `help:"Only what concerns these operations, such as 'POST /command,GET /sandboxes'."`
	Edition      string   `help:"The edition to judge by, 2026-01 or 2026-09; without it any will do where they differ."`
	Seed         uint32   `default:"1" help:"Of what requests that are wrong on purpose have that is chosen at random; it is in the report."`
	Fast         bool     `help:"Leave out the group expiry, whose shortest timeout is a minute: for while you work."`
	Strict       bool     `help:"Warnings count as errors."`

	ExpectedFailures string `placeholder:"FILE" help:"YAML list of {requirement, operation, reason}: failures that are known and don't break the run."`

	Annotations string `enum:"none,github" default:"none" help:"github: print findings as workflow commands of GitHub Actions too."`

	Provision time.Duration `default:"5m" help:"How long a sandbox may take from create to Running."`
	Change    time.Duration `default:"60s" help:"How long pause, resume and delete may take."`
	Line      time.Duration `default:"2s" help:"How long after it was written a line must have come."`
	LineSoon  time.Duration `default:"250ms" help:"How long after it was written a line should have come."`
}

// Help explains the exit status.
func (runCmd) Help() string {
	return `Exit status: 0 conformant, 1 nonconformant, 2 a wrong call, 3 inconclusive (the last line says why).
With --expected-failures it is 0 where nothing else failed, and 1 where one of them holds now (stale: take it out, or see
opensandbox-conformance baseline); the verdict stays what it is.
The sandboxes that a run makes carry the metadata key osc-run and are deleted at its end, also after Ctrl-C.
On a terminal the last line shows what is being played, and only what did not go well stays above it; elsewhere, and where CI is
set, there is a line for each scenario.

    opensandbox-conformance run --url http://127.0.0.1:8080/v1 --image python:3.12-slim --fast
    opensandbox-conformance run --profile execd --execd-url http://127.0.0.1:44772
    opensandbox-conformance run --groups pause,expiry --expected-failures known.yaml`
}

func (c *runCmd) Run() error {
	var expected *baseline.Baseline
	if c.ExpectedFailures != "" {
		var err error
		if expected, err = readBaseline(c.ExpectedFailures); err != nil {
			return wrongCall(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	deadlines := judge.DefaultDeadlines()
	deadlines.Provision, deadlines.Change = c.Provision, c.Change
	deadlines.Line, deadlines.LineSoon, deadlines.FirstSoon = c.Line, c.LineSoon, c.LineSoon
	cfg := conformance.Config{
		URL: c.URL, APIKey: c.APIKey, Image: c.Image, Profile: c.Profile, ExecdURL: c.ExecdURL, ExecdToken: c.ExecdToken,
		Groups: c.Groups, Operations: c.Operations, Capabilities: c.Capabilities, Edition: c.Edition, Strict: c.Strict, Seed: c.Seed,
		Fast: c.Fast, Deadlines: deadlines, Version: version(),
	}
	annotate := func(*report.Report) error { return nil }
	if c.Annotations == "github" {
		annotate = report.GitHub(os.Stdout)
	}
	finish := progress(ctx, &cfg)
	r, err := conformance.Run(ctx, cfg)
	finish()
	if err != nil {
		return err
	}
	if expected != nil {
		expected.Apply(r)
	}
	path, err := writeReports(c.Out, r)
	if err != nil {
		return err
	}
	fmt.Printf("\nreport: %s\n", path)
	if err := r.WriteText(os.Stdout); err != nil {
		return err
	}
	if err := annotate(r); err != nil {
		return err
	}
	if status := r.ExitStatus(); status != 0 {
		return exitStatus(status)
	}
	return nil
}
