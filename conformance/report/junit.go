package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// The elements that readers of JUnit files agree on: a failure is a broken MUST (with --strict a SHOULD too), an error
// what could not be judged, skipped what need not be, or what is known to fail.
type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	junitCounts
	Suites []*junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitSuite struct {
	Name      string `xml:"name,attr"`
	Timestamp string `xml:"timestamp,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Failure *junitReason `xml:"failure"`
	Error   *junitReason `xml:"error"`
	Skipped *junitReason `xml:"skipped"`
	Output  string       `xml:"system-out,omitempty"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML: a suite for each group, a case for each requirement.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := &junitSuites{Name: r.Tool.Name, Time: fmt.Sprintf("%.3f", r.FinishedAt.Sub(r.StartedAt).Seconds())}
	all.suite(r, "run", r.wholeCases())
	for _, g := range append(append([]Group{}, r.Groups...), Group{Name: spec.AnyGroup}) {
		var cases []junitCase
		if g.Verdict == NotOffered {
			cases = append(cases, junitCase{
				Name: "the group is offered", Class: g.Name,
				Failure: &junitReason{Message: "not offered", Text: strings.Join(g.Operations, "\n")},
			})
		}
		for _, req := range r.Requirements {
			if req.Group == g.Name {
				cases = append(cases, r.junitCase(req))
			}
		}
		name := g.Name
		if name == spec.AnyGroup {
			name = "all groups"
		}
		all.suite(r, name, cases)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// wholeCases are about the run as a whole: that it went through, and that what was expected to fail still does.
func (r *Report) wholeCases() []junitCase {
	through := junitCase{Name: "the run went through", Class: "run"}
	if r.Stopped != "" {
		through.Error = &junitReason{Message: r.Stopped, Type: Inconclusive}
	}
	cases := []junitCase{through}
	if r.Baseline != nil {
		for _, e := range r.Baseline.Stale {
			cases = append(cases, junitCase{
				Name: "expected failure " + e.String(), Class: "run",
				Failure: &junitReason{Message: "it holds now: take it out of " + r.Baseline.File, Type: Stale, Text: e.Reason},
			})
		}
	}
	return cases
}

func (r *Report) junitCase(req Requirement) junitCase {
	c := junitCase{Name: req.ID + " " + req.Text, Class: req.Group}
	switch req.Outcome {
	case Skipped:
		c.Skipped = &junitReason{Message: req.Reason}
	case Unknown:
		if r.Client != nil { // traffic is what it is: what it leaves open is no fault of the run
			c.Skipped = &junitReason{Message: "not judged: " + req.Reason}
			break
		}
		c.Error = &junitReason{Message: "not judged: " + req.Reason, Type: Inconclusive}
	case Broken:
		var fresh, known []string
		var first, reason string
		var text strings.Builder
		for i := range r.Findings {
			f := &r.Findings[i]
			if f.Requirement != req.ID {
				continue
			}
			f.text(&text)
			if f.Known != "" {
				known, reason = append(known, f.Operation), f.Known
				continue
			}
			if fresh = append(fresh, f.Operation); len(fresh) == 1 {
				first = f.Operation + ": " + f.Message
			}
		}
		counts := req.Level == string(spec.Must) || r.Claim.Strict
		switch {
		case len(fresh) > 0 && counts:
			c.Failure = &junitReason{Message: first, Type: req.Level, Text: text.String()}
		case len(known) > 0 && len(fresh) == 0:
			c.Skipped = &junitReason{Message: "known failure: " + reason}
			c.Output = text.String()
		default:
			c.Output = text.String() // a warning, for which JUnit has no word
		}
	}
	return c
}

func (all *junitSuites) suite(r *Report, name string, cases []junitCase) {
	if len(cases) == 0 {
		return
	}
	s := &junitSuite{Name: name, Timestamp: r.StartedAt.UTC().Format(time.RFC3339), Cases: cases}
	for _, c := range cases {
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Errors += s.Errors
	all.Skipped += s.Skipped
	all.Suites = append(all.Suites, s)
}
