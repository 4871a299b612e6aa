package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// settlement turns a ballot into the words and numbers of a report.
type settlement struct {
	*Ballot
	report     *report.Report
	notOffered map[string]bool // groups
	unjudged   []string        // why something that was claimed could not be judged
}

// findNotOffered finds the claimed groups of which every operation that was asked for says that it is not there.
func (s *settlement) findNotOffered() {
	if s.broken || s.watched {
		return // too little was asked to know
	}
	for _, group := range s.claim.GroupNames() {
		asked, offered, missed := 0, 0, 0
		for _, op := range s.claim.Operations {
			if op.Group != group || !s.claim.Operation(op) {
				continue
			}
			there, known := s.offered[op.String()]
			switch {
			case there:
				offered++
			case known:
				asked++
			case op.Capability == spec.Core && s.covered(op):
				missed++ // it was not asked for, so nothing is known of the group as a whole
			}
		}
		if asked > 0 && offered == 0 && missed == 0 {
			s.notOffered[group] = true
		}
	}
}

// Unasked lists the core operations that nothing is known of, of those claimed groups of which nothing else is offered:
// whether the whole group is missing depends on them.
func (b *Ballot) Unasked() []*spec.Operation {
	b.mu.Lock()
	defer b.mu.Unlock()
	var unasked []*spec.Operation
	for _, group := range b.claim.GroupNames() {
		var missing []*spec.Operation
		asked, offered := 0, 0
		for _, op := range b.claim.Operations {
			if op.Group != group || !b.claim.Operation(op) {
				continue
			}
			there, known := b.offered[op.String()]
			switch {
			case there:
				offered++
			case known:
				asked++
			case op.Capability == spec.Core:
				missing = append(missing, op)
			}
		}
		if asked > 0 && offered == 0 {
			unasked = append(unasked, missing...)
		}
	}
	return unasked
}

// covered says whether a requirement is about this operation alone.
func (s *settlement) covered(op *spec.Operation) bool {
	return slices.ContainsFunc(s.claim.Ledger, func(req spec.Requirement) bool {
		return len(req.Operations) == 1 && req.Operations[0] == op.String()
	})
}

func (s *settlement) requirements() {
	for _, req := range s.claim.Ledger {
		if !s.claim.Requirement(req) {
			continue
		}
		r := s.rows[req.ID]
		if req.Group == spec.AnyGroup && len(s.claim.Groups) > 0 && r.held == 0 && len(r.findings) == 0 {
			continue // it is judged on what is claimed, and there was nothing of it
		}
		outcome, reason := r.outcome()
		if s.notOffered[req.Group] {
			outcome, reason = report.Skipped, fmt.Sprintf("the group %s is not offered", req.Group)
			r.findings, r.order = nil, nil
		}
		if s.absent[req.Capability] {
			outcome, reason = report.Skipped, "the deployment does not have the capability "+req.Capability
			r.findings, r.order = nil, nil
		}
		if outcome == report.Unknown {
			s.unjudged = append(s.unjudged, req.ID+": "+reason)
		}
		for _, key := range r.order {
			f := *r.findings[key]
			f.Text, f.Level, f.Severity, f.Source = req.Text, string(req.Level), severity(req.Level), req.Source
			f.Pitfall = req.Pitfall
			if f.Group = req.Group; f.Group == spec.AnyGroup {
				f.Group = s.groupOf(f.Operation)
				if !s.claim.Group(f.Group) {
					continue
				}
			}
			s.report.Findings = append(s.report.Findings, f)
		}
		s.report.Requirements = append(s.report.Requirements, report.Requirement{
			ID: req.ID, Level: string(req.Level), Group: req.Group, Text: req.Text, Source: req.Source,
			Operations: slices.Clone(req.Operations), Outcome: outcome, Reason: reason,
			Checks: r.held + len(r.findings), Scenarios: append([]string{}, s.claim.Scenarios[req.ID]...),
		})
		switch outcome {
		case report.Held:
			s.report.Summary.Held++
		case report.Broken:
			s.report.Summary.Broken++
		case report.Skipped:
			s.report.Summary.Skipped++
		default:
			s.report.Summary.NotJudged++
		}
	}
}

func (s *settlement) groupOf(operation string) string {
	for _, op := range s.claim.Operations {
		if op.String() == operation {
			return op.Group
		}
	}
	return spec.AnyGroup
}

// operations counts the core operations that were judged: those of which a requirement of their own was.
func (s *settlement) operations() {
	sum := &s.report.Summary.CoreOperations
	sum.WithoutScenario = []string{}
	for _, op := range s.claim.Operations {
		if op.Capability != spec.Core || !s.claim.Operation(op) {
			continue
		}
		sum.Total++
		judged := false
		for _, req := range s.claim.Ledger {
			if len(req.Operations) == 1 && req.Operations[0] == op.String() {
				judged = judged || s.rows[req.ID].held > 0 || len(s.rows[req.ID].findings) > 0
			}
		}
		switch {
		case judged:
			sum.Judged++
		case !s.covered(op):
			sum.WithoutScenario = append(sum.WithoutScenario, op.String())
		}
	}
}

func (s *settlement) groups() {
	for _, name := range s.claim.GroupNames() {
		g := report.Group{Name: name, Operations: []string{}}
		for _, op := range s.claim.Operations {
			if op.Group == name {
				g.Operations = append(g.Operations, op.String())
			}
		}
		for _, f := range s.report.Findings {
			if f.Group == name && f.Severity == report.Error {
				g.Errors++
			} else if f.Group == name {
				g.Warnings++
			}
		}
		rows, unknown := 0, 0
		for _, req := range s.report.Requirements {
			if req.Group != name {
				continue
			}
			rows++
			switch req.Outcome {
			case report.Held, report.Broken:
				g.Judged++
			case report.Unknown:
				unknown++
			}
		}
		switch {
		case !s.claim.Group(name):
			g.Verdict = report.NotClaimed
		case s.notOffered[name]:
			g.Verdict = report.NotOffered
			g.Errors = 1
		case g.Errors > 0:
			g.Verdict = report.Nonconformant
		case rows == 0 && len(s.claim.Only) > 0:
			g.Verdict = report.NotClaimed
		case rows == 0:
			g.Verdict = report.NotJudged
		case unknown > 0 || g.Judged == 0:
			g.Verdict = report.Inconclusive
		default:
			g.Verdict = report.Conformant
		}
		s.report.Groups = append(s.report.Groups, g)
		s.report.Summary.Errors += g.Errors
		s.report.Summary.Warnings += g.Warnings
	}
	for _, f := range s.report.Findings { // of no operation, such as an unknown path: in no group
		if f.Group == spec.AnyGroup && f.Severity == report.Error {
			s.report.Summary.Errors++
		} else if f.Group == spec.AnyGroup {
			s.report.Summary.Warnings++
		}
	}
	s.report.Summary.Exchanges = s.exchanges
}

func (s *settlement) whole(strict bool) {
	r := s.report
	r.Stopped = s.stopped
	var absent []string
	for _, g := range r.Groups {
		if g.Verdict == report.NotOffered {
			absent = append(absent, g.Name)
		}
	}
	switch {
	case s.broken:
		r.Verdict, r.Reason = report.Inconclusive, "interrupted, "+count(r.Summary.Errors, "error")+" so far"
	case r.Summary.Errors > 0:
		r.Verdict = report.Nonconformant
		r.Reason = count(r.Summary.Errors, "error")
		if len(absent) > 0 {
			r.Reason += ", not offered: " + strings.Join(absent, ", ")
		}
		if s.stopped != "" {
			r.Reason += "; it also could not go on: " + s.stopped
		}
	case strict && r.Summary.Warnings > 0:
		r.Verdict = report.Nonconformant
		r.Reason = count(r.Summary.Warnings, "warning") + ", which count as errors here (--strict)"
	case s.stopped != "":
		r.Verdict, r.Reason = report.Inconclusive, s.stopped
	case s.watched && r.Summary.Held > 0:
		r.Verdict = report.Inconclusive
		r.Reason = fmt.Sprintf("%s held in what was seen, %s; traffic alone does not show the others",
			count(r.Summary.Held, "requirement"), count(r.Summary.Warnings, "warning"))
	case s.watched:
		r.Verdict, r.Reason = report.Inconclusive, "no traffic was judged"
	case len(s.unjudged) > 0:
		r.Verdict = report.Inconclusive
		r.Reason = fmt.Sprintf("%s could not be judged, the first %s", count(len(s.unjudged), "requirement"), s.unjudged[0])
	case r.Summary.Held == 0:
		r.Verdict, r.Reason = report.Inconclusive, "nothing was judged"
	default:
		r.Verdict = report.Conformant
		r.Reason = fmt.Sprintf("%s held, %s", count(r.Summary.Held, "requirement"), count(r.Summary.Warnings, "warning"))
	}
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
