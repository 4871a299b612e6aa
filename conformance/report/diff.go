package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Difference is what changed from one report to another.
type Difference struct {
	Verdict      Change
	Groups       []Change
	Requirements []RequirementChange
}

// Change is one word in two reports.
type Change struct{ Name, Before, After string }

func (c Change) changed() bool { return c.Before != c.After }

// RequirementChange is what became of one requirement.
type RequirementChange struct {
	Change
	Mended []Finding // operations on which it is not broken any more
	Broke  []Finding // operations on which it is broken now, and was not before
}

// absent stands for what a report does not have.
const absent = "absent"

// Diff compares two reports by what they say of each group, and of each requirement on each operation. What the
// findings say in detail, counts and times make no difference.
func Diff(before, after *Report) Difference {
	d := Difference{Verdict: Change{"verdict", before.Verdict, after.Verdict}}
	d.Groups = changes(before.Groups, after.Groups, func(g Group) (string, string) { return g.Name, g.Verdict })
	outcome := func(r Requirement) (string, string) { return r.ID, r.Outcome }
	changed := map[string]*RequirementChange{}
	for _, c := range changes(before.Requirements, after.Requirements, outcome) {
		changed[c.Name] = &RequirementChange{Change: c}
	}
	of := func(id string) *RequirementChange {
		if changed[id] == nil {
			outcome := find(before.Requirements, id, outcome)
			changed[id] = &RequirementChange{Change: Change{id, outcome, outcome}}
		}
		return changed[id]
	}
	for _, f := range only(before.Findings, after.Findings) {
		of(f.Requirement).Mended = append(of(f.Requirement).Mended, f)
	}
	for _, f := range only(after.Findings, before.Findings) {
		of(f.Requirement).Broke = append(of(f.Requirement).Broke, f)
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		d.Requirements = append(d.Requirements, *changed[id])
	}
	return d
}

// Same says whether nothing changed.
func (d Difference) Same() bool {
	return !d.Verdict.changed() && len(d.Groups) == 0 && len(d.Requirements) == 0
}

// changes lists those items of which the word differs, in the order of the later list, with what is gone at the end.
func changes[T any](before, after []T, read func(T) (name, word string)) []Change {
	var out []Change
	add := func(name string) {
		c := Change{name, find(before, name, read), find(after, name, read)}
		if c.changed() && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, item := range slices.Concat(after, before) {
		name, _ := read(item)
		add(name)
	}
	return out
}

func find[T any](list []T, name string, read func(T) (string, string)) string {
	for _, item := range list {
		if known, word := read(item); known == name {
			return word
		}
	}
	return absent
}

// only lists the findings of a that b has not, one for each requirement and operation.
func only(a, b []Finding) []Finding {
	there := map[string]bool{}
	for _, f := range b {
		there[f.place()] = true
	}
	var out []Finding
	for _, f := range a {
		if !there[f.place()] {
			there[f.place()] = true
			out = append(out, f)
		}
	}
	return out
}

// place is the requirement and the operation. A request for no operation has an URL there, which differs in each run.
func (f *Finding) place() string {
	operation := f.Operation
	if strings.Contains(operation, "://") {
		operation = ""
	}
	return f.Requirement + " " + operation
}

// WriteText says what changed; the last line is how much.
func (d Difference) WriteText(w io.Writer) error {
	var b strings.Builder
	if d.Verdict.changed() {
		d.Verdict.text(&b)
	}
	for _, c := range d.Groups {
		c.Name = "group " + c.Name
		c.text(&b)
	}
	for _, c := range d.Requirements {
		c.text(&b)
		for _, f := range c.Mended {
			fmt.Fprintf(&b, "  gone  %s: %s\n", f.Operation, f.Message)
		}
		for _, f := range c.Broke {
			fmt.Fprintf(&b, "  new   %s: %s\n        expected %s, got %s\n", f.Operation, f.Message, f.Expected, f.Actual)
		}
	}
	switch {
	case d.Same():
		b.WriteString("no difference\n")
	case len(d.Requirements) == 1:
		b.WriteString("1 requirement differs\n")
	default:
		fmt.Fprintf(&b, "%d requirements differ\n", len(d.Requirements))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c Change) text(b *strings.Builder) {
	if !c.changed() {
		fmt.Fprintf(b, "%s: %s, elsewhere\n", c.Name, c.After)
		return
	}
	fmt.Fprintf(b, "%s: %s, was %s\n", c.Name, c.After, c.Before)
}
