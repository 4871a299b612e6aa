package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

type verifyCmd struct {
	Report     string `arg:"" help:"The report.json to run again."`
	URL        string `name:"url" help:"Where the target is now; without it where it was."`
	APIKey     string `name:"api-key" env:"OPEN_SANDBOX_API_KEY" help:"The server's API key."`
	ExecdToken string `name:"execd-token" env:"EXECD_ACCESS_TOKEN" help:"The token of a daemon by itself."`
	Out        string `type:"path" help:"Folder for the new report; without it none is written."`
}

// Help explains what is run and the exit status.
func (verifyCmd) Help() string {
	return `Runs again what the report was made by: the same target, profile, image, groups, operations, edition, seed and deadlines; then
prints what changed, as diff does. The key is in no report: it comes from the environment.
Exit status: 0 the same, 1 different, 2 a wrong call, 3 the new run could not be judged (the last line says why).`
}

func (c *verifyCmd) Run() error {
	before, err := readReport(c.Report)
	if err != nil {
		return err
	}
	if before.Client != nil {
		return wrongCall(fmt.Errorf("%s is about traffic that was watched, which can't be had again: judge the deployment by run", c.Report))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := c.config(before)
	finish := progress(ctx, &cfg)
	after, err := conformance.Run(ctx, cfg)
	finish()
	if err != nil {
		return err
	}
	if c.Out != "" {
		path, err := writeReports(c.Out, after)
		if err != nil {
			return err
		}
		fmt.Printf("\nreport: %s\n", path)
	}
	fmt.Println()
	told := tell(report.Diff(before, after))
	if after.Stopped != "" {
		fmt.Printf("%s: %s\n", after.Verdict, after.Stopped)
		return exitStatus(exitInconclusive)
	}
	return told
}

// config asks for the same as the report was made by.
func (c *verifyCmd) config(r *report.Report) conformance.Config {
	cfg := conformance.Config{
		APIKey: c.APIKey, ExecdToken: c.ExecdToken, Image: r.Target.Image, Profile: r.Target.Profile, Edition: r.Target.Edition,
		Groups: r.Claim.Groups, Operations: r.Claim.Operations, Capabilities: r.Claim.Capabilities, Strict: r.Claim.Strict, Fast: r.Claim.Fast, Seed: r.Claim.Seed,
		Deadlines: judge.FromMilliseconds(r.Claim.Deadlines), Version: version(),
	}
	url := r.Target.URL
	if c.URL != "" {
		url = c.URL
	}
	if cfg.Profile == conformance.Execd {
		cfg.ExecdURL = url
	} else {
		cfg.URL = url
	}
	return cfg
}
