package report

import (
	"fmt"
	"io"
	"strings"
)

// mostListed is how many findings a summary lists; the page has all of them.
const mostListed = 100

// WriteMarkdown writes a summary for a CI job: the verdict, a table of the groups, and a line for each finding.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## OpenSandbox conformance: %s\n\n%s\n\n", r.Verdict, plain(r.Reason))
	if r.Baseline != nil {
		fmt.Fprintf(&b, "Expected failures (`%s`): **%s**, %s\n\n", plain(r.Baseline.File), r.Baseline.Outcome, plain(r.Baseline.Reason))
	}
	fmt.Fprintf(&b, "%s · profile %s%s · %d exchanges · %d of %d core operations judged\n\n", code(r.Target.URL), r.Target.Profile,
		r.edition(), r.Summary.Exchanges, r.Summary.CoreOperations.Judged, r.Summary.CoreOperations.Total)
	b.WriteString("| group | verdict | errors | warnings | requirements judged |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d |\n", g.Name, g.Verdict, g.Errors, g.Warnings, g.Judged)
	}
	if beside := r.beside(); beside != "" {
		fmt.Fprintf(&b, "\nBeside these, %s.\n", beside)
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n### Findings\n\n")
	}
	for i, f := range r.Findings {
		if i == mostListed {
			fmt.Fprintf(&b, "\n%d more in report.html.\n", len(r.Findings)-i)
			break
		}
		f.markdown(&b)
	}
	r.Client.markdown(&b)
	if r.Baseline != nil && len(r.Baseline.Stale) > 0 {
		b.WriteString("\n### Expected to fail, and hold now\n\n")
		for _, e := range r.Baseline.Stale {
			fmt.Fprintf(&b, "- **%s**: %s\n", plain(e.String()), plain(e.Reason))
		}
	}
	s := r.Summary
	fmt.Fprintf(&b, "\nRequirements: %d held, %d broken, %d not judged, %d skipped. %s %s.\n",
		s.Held, s.Broken, s.NotJudged, s.Skipped, r.Tool.Name, plain(r.Tool.Version))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) edition() string {
	if r.Target.Edition == "" {
		return ""
	}
	return " · edition " + r.Target.Edition
}

func (f *Finding) markdown(b *strings.Builder) {
	severity := f.Severity
	if f.Known != "" {
		severity = "known " + severity
	}
	fmt.Fprintf(b, "- **%s** %s %s: %s", severity, f.Requirement, code(f.Operation), plain(f.Message))
	fmt.Fprintf(b, " — expected %s, got %s", code(short(f.Expected)), code(short(f.Actual)))
	if f.Count > 1 {
		fmt.Fprintf(b, " (%d times)", f.Count)
	}
	if f.Known != "" {
		fmt.Fprintf(b, " — known: %s", plain(f.Known))
	}
	b.WriteString("\n")
}

// short cuts a text to what fits on a line.
func short(text string) string {
	const most = 160
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

// markup are the characters that Markdown or HTML would read as more than text.
var markup = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, `\`, `\\`,
	"\r", " ", "\n", " ", "@", "&#64;", // an answer mentions nobody
)

func plain(text string) string { return markup.Replace(text) }

// code shows a text as it is: a fence longer than any within it.
func code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "nothing"
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if fence == "`" {
		return fence + text + fence
	}
	return fence + " " + text + " " + fence
}
