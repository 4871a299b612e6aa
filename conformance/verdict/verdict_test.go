package verdict_test

import (
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func op(method, path, group string) *spec.Operation {
	return &spec.Operation{
		Document: &spec.Document{Name: spec.LifecycleFile}, Method: method, Path: path, Group: group, Capability: spec.Core,
	}
}

func claim() verdict.Claim {
	return verdict.Claim{
		Operations: []*spec.Operation{op("GET", "/a", "alpha"), op("POST", "/a", "alpha"), op("GET", "/b", "beta"), op("GET", "/c", "gamma")},
		Ledger: []spec.Requirement{
			{ID: "LC-A-01", Level: spec.Must, Group: "alpha", Operations: spec.Operations{"GET /a"}, Source: "API"},
			{ID: "LC-A-02", Level: spec.Should, Group: "alpha", Operations: spec.Operations{"POST /a"}, Source: "good practice"},
			{ID: "LC-B-01", Level: spec.Must, Group: "beta", Operations: spec.Operations{"GET /b"}, Source: "API"},
			{ID: "LC-H-01", Level: spec.Must, Group: spec.AnyGroup, Operations: spec.Operations{"*"}, Source: "RFC"},
		},
	}
}

// held is a ballot on which all is well; each case then adds what is not.
func TestVerdicts(t *testing.T) {
	broken := func(id, operation string) func(*verdict.Ballot) {
		return func(b *verdict.Ballot) {
			b.Broken(report.Finding{Requirement: id, Operation: operation, Message: "m"}, "m")
		}
	}
	for name, tc := range map[string]struct {
		change func(*verdict.Claim)
		leave  string // requirement that is not held
		add    func(*verdict.Ballot)
		strict bool

		verdict string
		groups  map[string]string
		status  int
	}{
		"all held": {verdict: report.Conformant, status: 0,
			groups: map[string]string{"alpha": report.Conformant, "beta": report.Conformant, "gamma": report.NotJudged}},
		"a MUST is broken": {add: broken("LC-A-01", "GET /a"), verdict: report.Nonconformant, status: 1,
			groups: map[string]string{"alpha": report.Nonconformant, "beta": report.Conformant}},
		"a SHOULD is broken":          {add: broken("LC-A-02", "POST /a"), verdict: report.Conformant, status: 0, groups: map[string]string{"alpha": report.Conformant}},
		"a SHOULD is broken, strict":  {add: broken("LC-A-02", "POST /a"), strict: true, verdict: report.Nonconformant, status: 1},
		"a check was not reached":     {leave: "LC-B-01", verdict: report.Inconclusive, status: 3, groups: map[string]string{"beta": report.Inconclusive, "alpha": report.Conformant}},
		"skipped is no pass, no fail": {leave: "LC-A-02", add: func(b *verdict.Ballot) { b.Skip("LC-A-02", "absent") }, verdict: report.Conformant, status: 0},
		"traffic that others made": {add: func(b *verdict.Ballot) { b.Watch(); b.Exchange("GET /b", true, false) }, verdict: report.Inconclusive, status: 3,
			groups: map[string]string{"alpha": report.Conformant, "beta": report.Conformant}},
		"an error in traffic":          {add: func(b *verdict.Ballot) { b.Watch(); broken("LC-A-01", "GET /a")(b) }, verdict: report.Nonconformant, status: 1},
		"stopped":                      {add: func(b *verdict.Ballot) { b.Stop("gone") }, verdict: report.Inconclusive, status: 3},
		"an error outweighs a stop":    {add: func(b *verdict.Ballot) { b.Stop("gone"); broken("LC-A-01", "GET /a")(b) }, verdict: report.Nonconformant, status: 1},
		"interrupted outweighs errors": {add: func(b *verdict.Ballot) { b.Interrupt(); broken("LC-A-01", "GET /a")(b) }, verdict: report.Inconclusive, status: 3},
		"a group is not offered": {add: func(b *verdict.Ballot) { b.Exchange("GET /b", true, false); broken("LC-B-01", "GET /b")(b) },
			verdict: report.Nonconformant, status: 1, groups: map[string]string{"beta": report.NotOffered, "alpha": report.Conformant}},
		"a group that is half offered": {add: func(b *verdict.Ballot) { b.Exchange("GET /a", true, false); b.Exchange("POST /a", true, true) },
			verdict: report.Conformant, groups: map[string]string{"alpha": report.Conformant}},
		"an error on no operation": {add: broken("LC-H-01", "PUT http://h/a"), verdict: report.Nonconformant, status: 1,
			groups: map[string]string{"alpha": report.Conformant, "beta": report.Conformant}},
		"a group is left out": {change: func(c *verdict.Claim) { c.Without = []string{"alpha"} }, add: broken("LC-A-01", "GET /a"),
			verdict: report.Conformant, status: 0, groups: map[string]string{"alpha": report.NotClaimed, "beta": report.Conformant}},
		"only one group is claimed": {change: func(c *verdict.Claim) { c.Groups = []string{"beta"} }, add: broken("LC-A-01", "GET /a"),
			verdict: report.Conformant, groups: map[string]string{"alpha": report.NotClaimed, "beta": report.Conformant}},
		"only one operation is claimed": {change: func(c *verdict.Claim) { c.Only = []string{"POST /a"} }, leave: "LC-B-01",
			verdict: report.Conformant, groups: map[string]string{"beta": report.NotClaimed, "alpha": report.Conformant}},
		"nothing was judged": {change: func(c *verdict.Claim) { c.Groups = []string{"gamma"} }, leave: "LC-H-01", verdict: report.Inconclusive, status: 3,
			groups: map[string]string{"gamma": report.NotJudged}},
	} {
		t.Run(name, func(t *testing.T) {
			c := claim()
			if tc.change != nil {
				tc.change(&c)
			}
			b := verdict.New(c)
			for _, row := range c.Ledger {
				if row.ID != tc.leave {
					b.Held(row.ID)
				}
			}
			if tc.add != nil {
				tc.add(b)
			}
			r := &report.Report{}
			b.Settle(r, tc.strict)
			if r.Verdict != tc.verdict || r.ExitStatus() != tc.status {
				t.Errorf("got %s (%s), exit %d; want %s, exit %d", r.Verdict, r.Reason, r.ExitStatus(), tc.verdict, tc.status)
			}
			for _, g := range r.Groups {
				if want, said := tc.groups[g.Name]; said && g.Verdict != want {
					t.Errorf("group %s: got %s, want %s", g.Name, g.Verdict, want)
				}
			}
		})
	}
}

func TestEqualFindingsAreOneWithACount(t *testing.T) {
	b := verdict.New(claim())
	for range 3 {
		b.Broken(report.Finding{Requirement: "LC-A-01", Operation: "GET /a", Message: "the same"}, "1")
	}
	b.Broken(report.Finding{Requirement: "LC-A-01", Operation: "GET /a", Message: "another"}, "2")
	r := &report.Report{}
	b.Settle(r, false)
	if len(r.Findings) != 2 || r.Findings[0].Count != 3 || r.Findings[1].Count != 1 {
		t.Errorf("got %+v", r.Findings)
	}
	if r.Findings[0].Source != "API" || r.Findings[0].Severity != report.Error {
		t.Errorf("a finding lacks what the ledger says: %+v", r.Findings[0])
	}
}

func TestCoreOperationsAreCounted(t *testing.T) {
	b := verdict.New(claim())
	b.Held("LC-A-01")
	r := &report.Report{}
	b.Settle(r, false)
	got := r.Summary.CoreOperations
	if got.Judged != 1 || got.Total != 4 || len(got.WithoutScenario) != 1 || got.WithoutScenario[0] != "GET /c" {
		t.Errorf("got %+v", got)
	}
}
