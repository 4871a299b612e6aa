package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestEveryRowHasAMutant(t *testing.T) {
	ledger, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	have, known := map[string]bool{}, map[string]bool{}
	for _, m := range Mutants() {
		have[m.Requirement] = true
	}
	for _, row := range ledger {
		known[row.ID] = true
		if !have[row.ID] {
			t.Errorf("%s has no mutant", row.ID)
		}
	}
	for id := range have {
		if !known[id] {
			t.Errorf("a mutant breaks %s, which is no row", id)
		}
	}
}

func TestTheSuiteKillsEveryMutantOfExecd(t *testing.T) { run(t, "execd", 4) }

func TestTheSuiteKillsEveryMutantOfTheLifecycle(t *testing.T) {
	dockertest.Engine(t)
	run(t, "lifecycle", 10) // most of it waits for sandboxes to end by themselves
}

func run(t *testing.T, plane string, parallel int) {
	lab := &Lab{Execd: filepath.Join("..", "..", "bin", "execd"), Image: "opensandbox/debian:local", StateRoot: t.TempDir()}
	var log strings.Builder
	results, err := lab.Run(t.Context(), plane, parallel, regexp.MustCompile(""), &log)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if !r.Good() {
			t.Errorf("%s: %s %s (%s)", r.Outcome, r.Requirement, r.Name, r.Note)
		}
	}
	t.Logf("%d mutants and variants", len(results))
}

// One fault is one finding: a wrong framing is told once, and does not hide what the events say.
func TestAFaultIsOneFinding(t *testing.T) {
	lab := &Lab{}
	for name, tc := range map[string]struct {
		fault mutant.Fault
		want  string
	}{
		"bare framing":        {mutant.BareFraming(mutant.Op("POST", "/command")), "EX-STREAM-01"},
		"a missing field":     {mutant.DropField(mutant.Op("GET", "/files/info"), "*.owner"), "EX-INFO-01"},
		"no terminal event":   {mutant.DropEvent(mutant.Op("POST", "/command"), "execution_complete"), "EX-STREAM-04"},
		"an odd status of 16": {mutant.Status(mutant.Op("GET", "/ping"), 200, 202), "EX-PING-01"},
	} {
		t.Run(name, func(t *testing.T) {
			r, acted, err := lab.judge(t.Context(), Mutant{Requirement: "EX-", Wire: tc.fault}, nil, conformance.Config{})
			if err != nil || !acted {
				t.Fatalf("acted %v: %v", acted, err)
			}
			of := map[string]int{}
			for _, f := range r.Findings {
				if f.Severity == report.Error {
					of[f.Requirement]++
				}
			}
			if of[tc.want] != 1 {
				t.Errorf("want one finding of %s, got %v", tc.want, of)
			}
			if r.Verdict != report.Nonconformant {
				t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
			}
		})
	}
}
