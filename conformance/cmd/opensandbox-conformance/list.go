package main

import (
	"fmt"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

type listCmd struct{}

func (listCmd) Run() error {
	ledger, err := spec.Ledger()
	if err != nil {
		return err
	}
	scenarios, err := conformance.Catalogue()
	if err != nil {
		return err
	}
	for _, row := range ledger {
		fmt.Printf("%s  %s  %s", row.ID, row.Level, row.Group)
		if row.Capability != spec.Core {
			fmt.Printf("  (%s)", row.Capability)
		}
		if row.Edition != "" {
			fmt.Printf("  (edition %s)", row.Edition)
		}
		fmt.Printf("\n    %s\n    source: %s\n", row.Text, row.Source)
		for _, scenario := range scenarios[row.ID] {
			fmt.Printf("    %s\n", scenario)
		}
	}
	return nil
}
