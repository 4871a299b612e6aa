// Package baseline compares a report with a file of failures that are expected, so that what is known does not hide
// what is new.
//
// It changes no verdict: a deployment with known failures is no more conformant for their being known.
package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Baseline is the list of expected failures, in the order of its file.
type Baseline struct {
	File    string
	Entries []Entry
}

// Entry is one of them.
type Entry struct {
	Requirement string `yaml:"requirement"`
	Operation   string `yaml:"operation,omitempty"` // METHOD and path template; empty: wherever it is broken
	Reason      string `yaml:"reason"`              // why it fails, and what will be done about it
}

// String names the entry.
func (e Entry) String() string { return e.told().String() }

func (e Entry) told() report.BaselineEntry {
	return report.BaselineEntry{Requirement: e.Requirement, Operation: e.Operation, Reason: e.Reason}
}

// covers says whether a finding is the failure that the entry expects.
func (e Entry) covers(f report.Finding) bool {
	return e.Requirement == f.Requirement && (e.Operation == "" || e.Operation == f.Operation)
}

// Read reads a file of expected failures and checks that each of its entries can be met: that the requirement is in
// the ledger, and is about the operation. name stands in errors and reports.
func Read(name string, data []byte, ledger []spec.Requirement, operations []*spec.Operation) (*Baseline, error) {
	b := &Baseline{File: name}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&b.Entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: not a list of {requirement, operation, reason}: %w", name, err)
	}
	seen := map[string]bool{}
	for _, e := range b.Entries {
		if err := e.check(ledger, operations); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if key := e.String(); seen[key] {
			return nil, fmt.Errorf("%s: %s stands there twice", name, key)
		} else {
			seen[key] = true
		}
	}
	return b, nil
}

func (e Entry) check(ledger []spec.Requirement, operations []*spec.Operation) error {
	i := slices.IndexFunc(ledger, func(row spec.Requirement) bool { return row.ID == e.Requirement })
	if i < 0 {
		return fmt.Errorf("there is no requirement %q; opensandbox-conformance list prints them", e.Requirement)
	}
	if strings.TrimSpace(e.Reason) == "" {
		return fmt.Errorf("%s has no reason", e)
	}
	if e.Operation == "" {
		return nil
	}
	known := slices.ContainsFunc(operations, func(op *spec.Operation) bool {
		return op.String() == e.Operation && op.Document.Name == ledger[i].Document()
	})
	if !known {
		return fmt.Errorf("%s: %s has no operation %q; write METHOD and path template as in the document",
			e.Requirement, ledger[i].Document(), e.Operation)
	}
	if !ledger[i].Operations.Concerns(e.Operation) {
		return fmt.Errorf("%s is not about %q, but about %s", e.Requirement, e.Operation, strings.Join(ledger[i].Operations, ", "))
	}
	return nil
}
