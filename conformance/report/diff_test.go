package report_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

func TestDiff(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*report.Report)
		want   string
	}{
		"counts, times and evidence are no difference": {
			change: func(r *report.Report) { r.Findings[0].Count, r.Findings[0].Actual = 9, "201"; r.Summary.Exchanges = 5 },
			want:   "no difference\n",
		},
		"mended": {
			change: func(r *report.Report) {
				r.Findings, r.Requirements[2].Outcome = r.Findings[1:], report.Held
				r.Verdict, r.Groups[1].Verdict = report.Conformant, report.Conformant
			},
			want: "verdict: conformant, was nonconformant\ngroup expiry: conformant, was nonconformant\n" +
				"LC-RENEW-02: held, was broken\n  gone  POST /sandboxes/{sandboxId}/renew-expiration: the answer has another status\n" +
				"1 requirement differs\n",
		},
		"broken on another operation": {
			change: func(r *report.Report) {
				f := r.Findings[2]
				f.Operation = "GET /sandboxes"
				r.Findings = append(r.Findings, f)
			},
			want: "LC-CREATE-07: broken, elsewhere\n  new   GET /sandboxes: it waits\n        expected Pending, got Running\n1 requirement differs\n",
		},
		"a requirement that was not claimed before": {
			change: func(r *report.Report) {
				r.Requirements = append(r.Requirements, requirement("LC-LIST-01", "MUST", "listing", report.Held, ""))
			},
			want: "LC-LIST-01: held, was absent\n1 requirement differs\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			after := sample()
			tc.change(after)
			d := report.Diff(sample(), after)
			var out bytes.Buffer
			if err := d.WriteText(&out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
			if d.Same() != (tc.want == "no difference\n") {
				t.Errorf("same: %v", d.Same())
			}
		})
	}
}

// A request for no operation has an URL in the place of one, with an id that each run makes up.
func TestUnknownPathsAreTheSameInEachRun(t *testing.T) {
	with := func(id string) *report.Report {
		r := sample()
		r.Findings[2].Operation = "GET http://h/no-such-path-" + id
		return r
	}
	if !report.Diff(with("1"), with("2")).Same() {
		t.Error("they differ")
	}
}
