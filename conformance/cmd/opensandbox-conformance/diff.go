package main

import (
	"os"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// exitDifferent is the status of diff and verify where something changed.
const exitDifferent = 1

type diffCmd struct {
	Before string `arg:"" help:"The earlier report.json."`
	After  string `arg:"" help:"The later one."`
}

// Help explains the exit status.
func (diffCmd) Help() string {
	return `Compared are the verdicts, and the outcome of each requirement on each operation; counts, times and wording make no difference.
Exit status: 0 the same, 1 different, 2 a wrong call.`
}

func (c *diffCmd) Run() error {
	before, err := readReport(c.Before)
	if err != nil {
		return err
	}
	after, err := readReport(c.After)
	if err != nil {
		return err
	}
	return tell(report.Diff(before, after))
}

// tell prints a difference and makes the exit status of it.
func tell(d report.Difference) error {
	if err := d.WriteText(os.Stdout); err != nil {
		return err
	}
	if !d.Same() {
		return exitStatus(exitDifferent)
	}
	return nil
}
