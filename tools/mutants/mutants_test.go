package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
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

// All mutants are run by the program; a few of them here, with the race detector.
func TestTheSuiteKillsMutants(t *testing.T) {
	lab := &Lab{Execd: filepath.Join("..", "..", "bin", "execd"), StateRoot: t.TempDir()}
	var log strings.Builder
	results, err := lab.Run(t.Context(), "execd", 4, regexp.MustCompile("^EX-(PING|INFO-0[1-3]|STATUS-03)"), &log)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Before != "" {
			t.Logf("%s only on a second try; before: %s: %s %s", r.Outcome, r.Before, r.Requirement, r.Name)
		}
		if !r.Good() {
			t.Errorf("%s: %s %s (%s)", r.Outcome, r.Requirement, r.Name, r.Note)
		}
	}
	if len(results) < 30 {
		t.Errorf("only %d mutants", len(results))
	}
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
			t.Parallel()
			r, acted, err := lab.judge(t.Context(), Mutant{Requirement: "EX-", Wire: tc.fault}, nil, conformance.Config{Except: []string{"EX-STREAM-18"}}) // whose scenario is silent for long
			if err != nil || !acted[0] {
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

// An edition is judged by its own requirements: those that a later one added are left out, also where they share a scenario.
func TestAnEditionLeavesOutWhatCameLater(t *testing.T) {
	for edition, want := range map[string]bool{"2026-01": false, "2026-09": true} {
		r, _, err := (&Lab{}).judge(t.Context(), Mutant{Requirement: "EX-"}, nil, conformance.Config{Edition: edition, Groups: []string{"directories"}})
		if err != nil {
			t.Fatal(err)
		}
		listed := false
		for _, req := range r.Requirements {
			listed = listed || req.ID == "EX-LIST-02"
		}
		if r.Verdict != report.Conformant || listed != want || r.Target.Edition != edition {
			t.Errorf("edition %s: %s, %s; EX-LIST-02 judged: %v", edition, r.Verdict, r.Reason, listed)
		}
	}
}
