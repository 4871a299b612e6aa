package baseline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// Apply writes into a report how it compares with what was expected.
func (b *Baseline) Apply(r *report.Report) {
	out := &report.Baseline{
		File: b.File, Known: []report.BaselineEntry{}, Stale: []report.BaselineEntry{}, NotJudged: []report.BaselineEntry{},
	}
	for _, e := range b.Entries {
		switch b.state(e, r) {
		case report.Broken:
			out.Known = append(out.Known, e.told())
		case report.Held:
			out.Stale = append(out.Stale, e.told())
		default:
			out.NotJudged = append(out.NotJudged, e.told())
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Known = ""
		if at := slices.IndexFunc(b.Entries, func(e Entry) bool { return e.covers(*f) }); at >= 0 {
			f.Known = b.Entries[at].Reason
		}
	}
	r.Baseline = out
	b.weigh(r)
}

// state says what became of an expected failure. Only where its operation was answered, in a run that went through to
// its end, can the failure be said to be over.
func (b *Baseline) state(e Entry, r *report.Report) string {
	if slices.ContainsFunc(r.Findings, e.covers) {
		return report.Broken
	}
	at := slices.IndexFunc(r.Requirements, func(req report.Requirement) bool { return req.ID == e.Requirement })
	if at < 0 || r.Stopped != "" {
		return report.Unknown
	}
	outcome := r.Requirements[at].Outcome
	judged := outcome == report.Held || outcome == report.Broken && e.Operation != ""
	if !judged || e.Operation != "" && !r.Seen.Asked(e.Operation) {
		return report.Unknown
	}
	return report.Held
}

// weigh settles the outcome: by the same order as a verdict, with what was expected taken out.
func (b *Baseline) weigh(r *report.Report) {
	out := r.Baseline
	failures := 0
	for _, f := range r.Findings {
		if f.Known == "" && (f.Severity == report.Error || r.Claim.Strict) {
			failures++
		}
	}
	var open []string // not judged, though nobody expected that it fails
	for _, req := range r.Requirements {
		listed := slices.ContainsFunc(b.Entries, func(e Entry) bool { return e.Requirement == req.ID })
		if req.Outcome == report.Unknown && !listed {
			open = append(open, req.ID)
		}
	}
	var absent []string
	for _, g := range r.Groups {
		if g.Verdict == report.NotOffered {
			absent = append(absent, g.Name)
		}
	}
	switch {
	case r.Verdict == report.Inconclusive && r.Stopped != "":
		out.Outcome, out.Reason = report.Inconclusive, r.Stopped
	case failures > 0:
		out.Outcome, out.Reason = report.Unexpected, many(failures, "failure")+" not expected"
	case len(absent) > 0:
		out.Outcome = report.Unexpected
		out.Reason = "not offered: " + strings.Join(absent, ", ") + ", which no entry can expect; leave it out of --groups"
	case len(out.Stale) > 0:
		out.Outcome = report.Stale
		out.Reason = fmt.Sprintf("%s now, take it out: %s", plural(len(out.Stale), "expected failure holds", "expected failures hold"), names(out.Stale))
	case r.Stopped != "":
		out.Outcome, out.Reason = report.Inconclusive, r.Stopped
	case len(open) > 0:
		out.Outcome = report.Inconclusive
		out.Reason = fmt.Sprintf("%s could not be judged, the first %s", many(len(open), "requirement"), open[0])
	case r.Summary.Held == 0 && len(out.Known) == 0:
		out.Outcome, out.Reason = report.Inconclusive, "nothing was judged"
	default:
		out.Outcome, out.Reason = report.AsExpected, many(len(out.Known), "known failure")
	}
	if len(out.NotJudged) > 0 {
		out.Reason += "; " + plural(len(out.NotJudged), "expected failure was", "expected failures were") + " not judged"
	}
}

func names(entries []report.BaselineEntry) string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.String()
	}
	return strings.Join(list, "; ")
}

func many(n int, noun string) string { return plural(n, noun, noun+"s") }

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
