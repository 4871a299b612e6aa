package conformance

import (
	"fmt"
	"io"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Explanation is all that the suite knows of a requirement.
type Explanation struct {
	spec.Requirement
	Spec      *spec.Document
	Concerned []*spec.Operation // of Spec; none where it is about all of them
	Scenarios []Scenario
}

// Explain gathers it.
func Explain(row spec.Requirement) (*Explanation, error) {
	load := spec.Execd
	if row.Document() == spec.LifecycleFile {
		load = spec.Lifecycle
	}
	doc, err := load()
	if err != nil {
		return nil, err
	}
	scenarios, err := Scenarios()
	if err != nil {
		return nil, err
	}
	e := &Explanation{Requirement: row, Spec: doc, Scenarios: scenarios[row.ID]}
	for _, name := range row.Operations {
		if op := doc.Operation(name); op != nil {
			e.Concerned = append(e.Concerned, op)
		}
	}
	return e, nil
}

// WriteText writes it for people at a terminal.
func (e *Explanation) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n  %s\n\n", e.ID, e.Level, e.Text)
	field := func(name, value string) { fmt.Fprintf(&b, "%-11s %s\n", name, value) }
	field("source", e.sourceText())
	field("group", e.groupText())
	if e.Capability != spec.Core {
		field("capability", e.Capability+": judged where the deployment has it")
	}
	if e.Edition != "" {
		field("edition", e.Edition+" only: judged where the run was told so")
	}
	switch e.Aspect {
	case "":
		field("judged", "by the scenarios below")
	case spec.AsDocumented, spec.AsRecommended:
		field("judged", "on every answer of its operations, in whatever scenario; the one below makes sure of one")
	default:
		field("judged", "on every event stream, in whatever scenario; the one below makes sure of one")
	}
	if e.Pitfall != "" {
		field("pitfall", e.Pitfall)
	}
	if len(e.Concerned) == 0 {
		field("operations", "every operation of "+e.Spec.Name)
	}
	for _, op := range e.Concerned {
		fmt.Fprintf(&b, "\n%s (spec/%s)\n", op, contract.Place(e.Spec, op))
		if op.Must.Summary != "" {
			fmt.Fprintf(&b, "  %s\n", op.Must.Summary)
		}
		indent(&b, op.Must.Description, "  | ")
	}
	for _, s := range e.Scenarios {
		fmt.Fprintf(&b, "\nfeatures/%s:%d\n", s.File, s.Line)
		if s.Background != "" {
			fmt.Fprintf(&b, "%s\n\n", s.Background)
		}
		fmt.Fprintln(&b, s.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *Explanation) sourceText() string {
	if e.Source == "" {
		return "good practice"
	}
	return e.Source
}

func (e *Explanation) groupText() string {
	if e.Group == spec.AnyGroup {
		return "that of the operation which breaks it"
	}
	return e.Group
}

func indent(b *strings.Builder, text, by string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		b.WriteString(strings.TrimRight(by+line, " \n") + "\n")
	}
}
