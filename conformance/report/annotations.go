package report

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

// GitHub writes for a step of GitHub Actions. At once it tells the runner to read no workflow commands in what follows:
// a report shows what a deployment said, and that must not steer the job. The function that it returns lifts that, and
// annotates the job with the verdict and each finding.
//
// A runner keeps the first ten errors and the first ten warnings of a step, so errors come first.
func GitHub(w io.Writer) func(*Report) error {
	token := rand.Text()
	_, err := fmt.Fprintf(w, "::stop-commands::%s\n", token)
	return func(r *Report) error {
		if err != nil {
			return err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "::%s::\n", token)
		if r.Verdict != Conformant && r.ExitStatus() != 0 {
			annotation(&b, "error", "OpenSandbox conformance: "+r.Verdict, r.Reason)
		}
		for _, f := range r.Findings {
			f.annotation(&b)
		}
		if r.Baseline != nil {
			for _, e := range r.Baseline.Stale {
				annotation(&b, "error", e.String()+" holds now", "It is expected to fail ("+e.Reason+"): take it out of "+r.Baseline.File+".")
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}

func (f *Finding) annotation(b *strings.Builder) {
	kind, known := f.Severity, ""
	if f.Known != "" {
		kind, known = "notice", "\nKnown: "+f.Known
	}
	annotation(b, kind, f.Requirement+" "+f.Operation, fmt.Sprintf("%s: %s\nExpected %s, got %s\n%s; %s%s",
		f.Text, f.Message, short(f.Expected), short(f.Actual), f.Source, f.Spec, known))
}

// annotation writes one workflow command, with what has a meaning in it escaped.
func annotation(b *strings.Builder, kind, title, message string) {
	fmt.Fprintf(b, "::%s title=%s::%s\n", kind, commandProperty.Replace(title), commandData.Replace(message))
}

var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
