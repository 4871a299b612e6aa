package main

import (
	"os"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

type schemaCmd struct{}

func (schemaCmd) Run() error {
	_, err := os.Stdout.Write(report.Schema())
	return err
}
