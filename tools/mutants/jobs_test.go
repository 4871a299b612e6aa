package main

import (
	"context"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// What is not as it must be is run once more, alone, and that outcome counts, and is told.
func TestASecondTryCounts(t *testing.T) {
	outcomes := func(name string, list ...string) job {
		return job{run: func(context.Context, *Lab, map[string]spec.Requirement) []Result {
			outcome := list[0]
			list = list[1:]
			return []Result{{Requirement: "EX-X-01", Name: name, Outcome: outcome}}
		}}
	}
	// several are benign variants that are tried together, of which some are as they must not be.
	var several func(outcomes map[string]string, names ...string) job
	several = func(outcomes map[string]string, names ...string) job {
		return job{
			run: func(context.Context, *Lab, map[string]spec.Requirement) (results []Result) {
				for _, name := range names {
					outcome := harmless
					if outcomes["all"] == flagged && len(names) > 1 {
						outcome = flagged
					}
					if outcomes[name] != "" && len(names) > 1 {
						outcome = outcomes[name]
					}
					results = append(results, Result{Requirement: "benign", Name: name, Outcome: outcome})
				}
				return results
			},
			part: func(has func(i int) bool) job {
				var few []string
				for i, name := range names {
					if has(i) {
						few = append(few, name)
					}
				}
				return several(outcomes, few...)
			},
		}
	}
	var log, out strings.Builder
	r := &runner{progress: &log}
	results, err := r.all(t.Context(), []job{
		outcomes("strong", killed), outcomes("weak", survived, killed), outcomes("late", neverActed, survived),
		several(map[string]string{"all": flagged}, "one", "two", "three"), several(map[string]string{"idle": neverActed}, "busy", "idle"),
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if Print(&out, results, true) {
		t.Errorf("a survivor is as it must be: %+v", results)
	}
	for _, want := range []string{
		"2 killed (1 on a second try), 1 survived, 0 never acted, 0 failed; benign: 5 without a finding (4 on a second try), 0 flagged\n",
		"killed      weak   (on a second try; before: SURVIVED)\n",
		"SURVIVED    late   (on a second try; before: NEVER ACTED)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "strong") {
		t.Errorf("what is as it must be is told, too:\n%s", out.String())
	}
}
