package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/baseline"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

type baselineCmd struct {
	Report string `arg:"" help:"The report.json to take the failures from."`
	Into   string `placeholder:"FILE" help:"The file to write; what it holds already keeps its reasons. Without it, print."`
}

// Help explains what becomes of the entries.
func (baselineCmd) Help() string {
	return `Every error of the report that FILE does not expect yet gets an entry, of which you then write the reason (of a run with
--strict every warning too). Entries that hold now go; those that still fail, or that the report can't judge, stay as they are.`
}

func (c *baselineCmd) Run() error {
	r, err := readReport(c.Report)
	if err != nil {
		return err
	}
	ledger, operations, err := documents()
	if err != nil {
		return err
	}
	b := &baseline.Baseline{}
	if c.Into != "" {
		if b, err = readBaseline(c.Into); errors.Is(err, fs.ErrNotExist) {
			b = &baseline.Baseline{File: c.Into}
		} else if err != nil {
			return wrongCall(err)
		}
	}
	added, dropped := b.Rewrite(r, ledger, operations)
	if c.Into == "" {
		return b.Write(os.Stdout)
	}
	if err := writeFile(c.Into, b.Write); err != nil {
		return err
	}
	for _, e := range added {
		fmt.Printf("added: %s (%s)\n", e, e.Reason)
	}
	for _, e := range dropped {
		fmt.Printf("dropped, it holds now: %s (%s)\n", e, e.Reason)
	}
	fmt.Printf("%s: %d expected\n", c.Into, len(b.Entries))
	return nil
}

// readBaseline reads a file of expected failures.
func readBaseline(path string) (*baseline.Baseline, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ledger, operations, err := documents()
	if err != nil {
		return nil, err
	}
	return baseline.Read(path, data, ledger, operations)
}

// documents loads the ledger, and the operations of both documents.
func documents() ([]spec.Requirement, []*spec.Operation, error) {
	lifecycle, err := spec.Lifecycle()
	if err != nil {
		return nil, nil, err
	}
	execd, err := spec.Execd()
	if err != nil {
		return nil, nil, err
	}
	ledger, err := spec.Ledger()
	return ledger, slices.Concat(lifecycle.Operations, execd.Operations), err
}
