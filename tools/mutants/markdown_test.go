package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
)

// The published table has every mutant, and says of each which scenario killed it.
func TestThePublishedMutantsAreThese(t *testing.T) {
	known, err := readMarkdown(filepath.Join("..", "..", "docs", "mutants.md"))
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := conformance.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	const mend = "; run: go run ./tools/mutants -markdown docs/mutants.md -run …"
	now := map[fault]bool{}
	for _, m := range Mutants() {
		key := fault{m.Requirement, code(m.name())}
		if now[key] {
			t.Errorf("two mutants of %s have the name %s", key.requirement, key.name)
		}
		now[key] = true
		by, published := known[key]
		switch {
		case !published:
			t.Errorf("docs/mutants.md lacks %s %s%s", key.requirement, key.name, mend)
		case !slices.ContainsFunc(scenarios[m.Requirement], func(name string) bool { return scenario(name) == by }):
			t.Errorf("docs/mutants.md says that %q killed %s %s, which is no scenario of it%s", by, key.requirement, key.name, mend)
		}
	}
	for key := range known {
		if !now[key] {
			t.Errorf("docs/mutants.md has %s %s, which is no more%s", key.requirement, key.name, mend)
		}
	}
}
