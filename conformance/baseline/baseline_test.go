package baseline_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/baseline"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func operation(method, path string) *spec.Operation {
	return &spec.Operation{Document: &spec.Document{Name: spec.LifecycleFile}, Method: method, Path: path}
}

var (
	operations = []*spec.Operation{operation("GET", "/a"), operation("POST", "/a"), operation("GET", "/b")}
	ledger     = []spec.Requirement{
		{ID: "LC-ONE-01", Level: spec.Must, Operations: spec.Operations{"GET /a"}},
		{ID: "LC-ALL-01", Level: spec.Must, Operations: spec.Operations{"*"}},
		{ID: "LC-SOFT-01", Level: spec.Should, Operations: spec.Operations{"GET /b"}},
	}
)

func read(t *testing.T, text string) *baseline.Baseline {
	t.Helper()
	b, err := baseline.Read("known.yaml", []byte(text), ledger, operations)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrongFilesAreRefused(t *testing.T) {
	for want, text := range map[string]string{
		"not a list":               "LC-ONE-01: broken",
		`no requirement "LC-X-01"`: "- {requirement: LC-X-01, reason: r}",
		"LC-ONE-01 has no reason":  "- {requirement: LC-ONE-01}",
		`has no operation "GET a"`: "- {requirement: LC-ALL-01, operation: GET a, reason: r}",
		`is not about "GET /b"`:    "- {requirement: LC-ONE-01, operation: GET /b, reason: r}",
		"stands there twice":       "- {requirement: LC-ONE-01, reason: r}\n- {requirement: LC-ONE-01, reason: s}",
		"field why not found":      "- {requirement: LC-ONE-01, why: r}",
	} {
		_, err := baseline.Read("known.yaml", []byte(text), ledger, operations)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// whole is a report on which everything holds.
func whole() *report.Report {
	answered := func(name string) report.SeenOperation {
		return report.SeenOperation{Operation: name, Statuses: map[string]int{"200": 1}}
	}
	return &report.Report{
		Verdict: report.Conformant,
		Summary: report.Summary{Held: 3},
		Requirements: []report.Requirement{
			{ID: "LC-ONE-01", Outcome: report.Held}, {ID: "LC-ALL-01", Outcome: report.Held}, {ID: "LC-SOFT-01", Outcome: report.Held},
		},
		Seen: report.Seen{Operations: []report.SeenOperation{
			answered("GET /a"), answered("GET /b"), {Operation: "POST /a", Statuses: map[string]int{}},
		}},
	}
}

func breaks(id, operation, severity string) func(*report.Report) {
	return func(r *report.Report) {
		for i := range r.Requirements {
			if r.Requirements[i].ID == id {
				r.Requirements[i].Outcome = report.Broken
			}
		}
		r.Findings = append(r.Findings, report.Finding{Requirement: id, Operation: operation, Severity: severity, Message: "wrong"})
		if severity == report.Error {
			r.Verdict = report.Nonconformant
		}
	}
}

func outcome(i int, word string) func(*report.Report) {
	return func(r *report.Report) { r.Requirements[i].Outcome = word }
}

func TestWhatWasExpected(t *testing.T) {
	one, all := "- {requirement: LC-ONE-01, reason: r}\n", "- {requirement: LC-ALL-01, operation: GET /a, reason: r}\n"
	for name, tc := range map[string]struct {
		file    string
		changes []func(*report.Report)
		outcome string
		status  int
		lists   [3]int // known, stale, not judged
	}{
		"nothing expected, nothing broken": {outcome: report.AsExpected},
		"a known failure":                  {file: one, changes: []func(*report.Report){breaks("LC-ONE-01", "GET /a", report.Error)}, outcome: report.AsExpected, lists: [3]int{1, 0, 0}},
		"a new one beside it": {file: one, changes: []func(*report.Report){
			breaks("LC-ONE-01", "GET /a", report.Error), breaks("LC-ALL-01", "GET /a", report.Error)}, outcome: report.Unexpected, status: 1, lists: [3]int{1, 0, 0}},
		"known on one operation, new on another": {file: all, changes: []func(*report.Report){
			breaks("LC-ALL-01", "GET /a", report.Error), breaks("LC-ALL-01", "GET /b", report.Error)}, outcome: report.Unexpected, status: 1, lists: [3]int{1, 0, 0}},
		"it holds now": {file: one, outcome: report.Stale, status: 1, lists: [3]int{0, 1, 0}},
		"it holds on this operation now": {file: all + "- {requirement: LC-ALL-01, operation: GET /b, reason: r}\n",
			changes: []func(*report.Report){breaks("LC-ALL-01", "GET /b", report.Error)}, outcome: report.Stale, status: 1, lists: [3]int{1, 1, 0}},
		"its operation was not asked for": {file: "- {requirement: LC-ALL-01, operation: POST /a, reason: r}\n", outcome: report.AsExpected, lists: [3]int{0, 0, 1}},
		"it was not judged":               {file: one, changes: []func(*report.Report){outcome(0, report.Unknown)}, outcome: report.AsExpected, lists: [3]int{0, 0, 1}},
		"it was not claimed":              {file: one, changes: []func(*report.Report){func(r *report.Report) { r.Requirements = r.Requirements[1:] }}, outcome: report.AsExpected, lists: [3]int{0, 0, 1}},
		"another was not judged, beside a known failure": {file: one, changes: []func(*report.Report){
			breaks("LC-ONE-01", "GET /a", report.Error), outcome(1, report.Unknown)}, outcome: report.Inconclusive, status: 3, lists: [3]int{1, 0, 0}},
		"the run broke off": {file: one, changes: []func(*report.Report){func(r *report.Report) { r.Stopped, r.Verdict = "gone", report.Inconclusive }},
			outcome: report.Inconclusive, status: 3, lists: [3]int{0, 0, 1}},
		"a warning that nobody expected": {changes: []func(*report.Report){breaks("LC-SOFT-01", "GET /b", report.Warning)}, outcome: report.AsExpected},
		"a warning that counts": {changes: []func(*report.Report){
			breaks("LC-SOFT-01", "GET /b", report.Warning), func(r *report.Report) { r.Claim.Strict = true }}, outcome: report.Unexpected, status: 1},
		"a group that is not offered": {changes: []func(*report.Report){func(r *report.Report) {
			r.Groups = []report.Group{{Name: "files", Verdict: report.NotOffered, Errors: 1}}
		}}, outcome: report.Unexpected, status: 1},
		"nothing was judged": {changes: []func(*report.Report){func(r *report.Report) { r.Requirements, r.Summary.Held = nil, 0 }},
			outcome: report.Inconclusive, status: 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := whole()
			for _, change := range tc.changes {
				change(r)
			}
			verdict := r.Verdict
			read(t, tc.file).Apply(r)
			b := r.Baseline
			if lists := [3]int{len(b.Known), len(b.Stale), len(b.NotJudged)}; b.Outcome != tc.outcome || r.ExitStatus() != tc.status || lists != tc.lists {
				t.Errorf("got %s (%s), exit %d, lists %v; want %s, exit %d, %v", b.Outcome, b.Reason, r.ExitStatus(), lists, tc.outcome, tc.status, tc.lists)
			}
			if r.Verdict != verdict {
				t.Errorf("the verdict was changed to %s", r.Verdict)
			}
		})
	}
}

func TestRewritingKeepsTheReasons(t *testing.T) {
	b := read(t, "- {requirement: LC-ONE-01, reason: ticket 7}\n- {requirement: LC-SOFT-01, reason: ticket 8}\n"+
		"- {requirement: LC-ALL-01, operation: POST /a, reason: ticket 9}\n")
	r := whole()
	breaks("LC-ONE-01", "GET /a", report.Error)(r)
	breaks("LC-ALL-01", "GET /b", report.Error)(r)
	breaks("LC-ALL-01", "GET http://h/no-such-path", report.Error)(r)
	added, dropped := b.Rewrite(r, ledger, operations)
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	_, entries, _ := strings.Cut(out.String(), "reasons.\n")
	want := `- requirement: LC-ONE-01
  reason: ticket 7
- requirement: LC-ALL-01
  operation: POST /a
  reason: ticket 9
- requirement: LC-ALL-01
  operation: GET /b
  reason: 'not explained yet: wrong'
- requirement: LC-ALL-01
  reason: 'not explained yet: wrong'
`
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Error(diff)
	}
	if len(added) != 2 || len(dropped) != 1 || dropped[0].Requirement != "LC-SOFT-01" {
		t.Errorf("added %v, dropped %v", added, dropped)
	}
	read(t, out.String()).Apply(r)
	if r.Baseline.Outcome != report.AsExpected {
		t.Errorf("with what was written: %s, %s", r.Baseline.Outcome, r.Baseline.Reason)
	}
}
