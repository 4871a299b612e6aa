package verdict

import (
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Claim is what a run is asked to judge.
type Claim struct {
	Ledger     []spec.Requirement
	Operations []*spec.Operation // of the documents of the profile
	Groups     []string          // only these; empty: all
	Without    []string          // not these groups
	Only       []string          // only requirements that concern these operations (METHOD and path); empty: all
	Scenarios  map[string][]string
}

// Documents names the documents of the profile.
func (c Claim) documents() map[string]bool {
	names := map[string]bool{}
	for _, op := range c.Operations {
		names[op.Document.Name] = true
	}
	return names
}

// GroupNames lists the groups of the profile in the order of their first operation, then those that have rows only.
func (c Claim) GroupNames() []string {
	var names []string
	add := func(name string) {
		if name != spec.AnyGroup && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, op := range c.Operations {
		add(op.Group)
	}
	for _, row := range c.Ledger {
		if c.documents()[row.Document()] {
			add(row.Group)
		}
	}
	return names
}

// Group says whether a group is claimed.
func (c Claim) Group(name string) bool {
	if slices.Contains(c.Without, name) {
		return false
	}
	return len(c.Groups) == 0 || name == spec.AnyGroup || slices.Contains(c.Groups, name)
}

// Operation says whether an operation is claimed.
func (c Claim) Operation(op *spec.Operation) bool {
	return c.Group(op.Group) && (len(c.Only) == 0 || slices.Contains(c.Only, op.String()))
}

// Requirement says whether a row of the ledger is claimed.
func (c Claim) Requirement(row spec.Requirement) bool {
	if !c.documents()[row.Document()] || !c.Group(row.Group) {
		return false
	}
	if len(c.Only) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Only, row.Operations.Concerns)
}
