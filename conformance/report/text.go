package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report for people at a terminal: findings, groups, what was judged, and the verdict as the last
// line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i := range r.Findings {
		r.Findings[i].text(&b)
	}
	r.Client.text(&b)
	r.skipped(&b)
	fmt.Fprintln(&b)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "group\tverdict\terrors\twarnings\trequirements judged")
	for _, g := range r.Groups {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\n", g.Name, g.Verdict, g.Errors, g.Warnings, g.Judged)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if beside := r.beside(); beside != "" {
		fmt.Fprintln(&b, beside)
	}
	s := r.Summary
	if len(s.CoreOperations.WithoutScenario) > 0 {
		fmt.Fprintf(&b, "\nwithout a scenario yet: %s\n", strings.Join(s.CoreOperations.WithoutScenario, ", "))
	}
	fmt.Fprintf(&b, "\n%d exchanges; requirements: %d held, %d broken, %d not judged, %d skipped\n",
		s.Exchanges, s.Held, s.Broken, s.NotJudged, s.Skipped)
	fmt.Fprintf(&b, "%d of %d core operations judged\n", s.CoreOperations.Judged, s.CoreOperations.Total)
	r.expected(&b)
	fmt.Fprintf(&b, "%s: %s", r.Verdict, r.Reason)
	if r.Baseline != nil {
		fmt.Fprintf(&b, "; %s: %s (%s)", r.Baseline.Outcome, r.Baseline.Reason, r.Baseline.File)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// beside says how many findings there are on requests for no operation, which are in the whole and in no group; empty:
// none.
func (r *Report) beside() string {
	errors, warnings := r.Summary.Errors, r.Summary.Warnings
	for _, g := range r.Groups {
		errors -= g.Errors
		warnings -= g.Warnings
	}
	if errors == 0 && warnings == 0 {
		return ""
	}
	return fmt.Sprintf("in no group, on paths and methods that the document does not have: %s, %s",
		counted(errors, "error"), counted(warnings, "warning"))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (f *Finding) text(b *strings.Builder) {
	times := ""
	if f.Count > 1 {
		times = fmt.Sprintf(" (%d times)", f.Count)
	}
	known := ""
	if f.Known != "" {
		known = "KNOWN "
	}
	fmt.Fprintf(b, "\n%s%s %s %s%s\n", known, strings.ToUpper(f.Severity), f.Requirement, f.Operation, times)
	fmt.Fprintf(b, "  %s %s\n", f.Level, f.Text)
	fmt.Fprintf(b, "  source    %s; %s\n", f.Source, f.Spec)
	if f.Known != "" {
		fmt.Fprintf(b, "  known     %s\n", f.Known)
	}
	fmt.Fprintf(b, "  found     %s\n", f.Message)
	fmt.Fprintf(b, "  expected  %s\n", f.Expected)
	fmt.Fprintf(b, "  actual    %s\n", f.Actual)
	if f.Scenario != "" {
		fmt.Fprintf(b, "  scenario  %s\n", f.Scenario)
	}
	if f.Curl != "" {
		fmt.Fprintf(b, "  repeat    %s\n", f.Curl)
	}
	if f.Exchange != "" {
		for line := range strings.Lines(f.Exchange) {
			fmt.Fprintf(b, "    %s", line)
		}
	}
}

// expected says what became of each expected failure, beside the findings that are marked as known.
func (r *Report) expected(b *strings.Builder) {
	if r.Baseline == nil {
		return
	}
	for _, e := range r.Baseline.Stale {
		fmt.Fprintf(b, "expected to fail, and holds now: %s (%s)\n", e, e.Reason)
	}
	for _, e := range r.Baseline.NotJudged {
		fmt.Fprintf(b, "expected to fail, not judged: %s (%s)\n", e, e.Reason)
	}
}

// skipped says what was not judged, and why: a skip must not read as a pass.
func (r *Report) skipped(b *strings.Builder) {
	for _, outcome := range []string{Skipped, Unknown} {
		reasons, ids := []string{}, map[string][]string{}
		for _, req := range r.Requirements {
			if req.Outcome == outcome {
				if ids[req.Reason] == nil {
					reasons = append(reasons, req.Reason)
				}
				ids[req.Reason] = append(ids[req.Reason], req.ID)
			}
		}
		for _, reason := range reasons {
			fmt.Fprintf(b, "\n%s: %s\n  %s\n", outcome, reason, strings.Join(ids[reason], " "))
		}
	}
}
