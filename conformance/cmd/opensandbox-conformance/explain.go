package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

type explainCmd struct {
	Requirement string `arg:"" help:"Its id, such as LC-RENEW-02."`
}

// Help says what is printed.
func (explainCmd) Help() string {
	return `Prints the requirement with its level and source, what servers often get wrong there, the place in the document where its
operations stand and what is said there, and the scenarios that check it, step by step.
Exit status: 0, or 2 where there is no such requirement.

    opensandbox-conformance explain LC-RENEW-02`
}

func (c *explainCmd) Run() error {
	ledger, _, err := documents()
	if err != nil {
		return err
	}
	for _, row := range ledger {
		if row.ID == strings.ToUpper(c.Requirement) {
			e, err := conformance.Explain(row)
			if err != nil {
				return err
			}
			return e.WriteText(os.Stdout)
		}
	}
	return &conformance.UsageError{Message: c.unknown(ledger)}
}

// unknown says that there is no such id, and which are of its area.
func (c *explainCmd) unknown(ledger []spec.Requirement) string {
	area := strings.ToUpper(c.Requirement)
	if i := strings.LastIndex(area, "-"); i > 0 {
		area = area[:i]
	}
	var like []string
	for _, row := range ledger {
		if strings.HasPrefix(row.ID, area+"-") {
			like = append(like, row.ID)
		}
	}
	if len(like) == 0 {
		return fmt.Sprintf("there is no requirement %q; opensandbox-conformance list prints them", c.Requirement)
	}
	return fmt.Sprintf("there is no requirement %q; there are %s", c.Requirement, strings.Join(like, ", "))
}
