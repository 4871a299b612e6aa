package conformance_test

import (
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/negative"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/steps"
	"github.com/opensandbox-conformance/opensandbox-conformance/features"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func ledger(t *testing.T) map[string]spec.Requirement {
	t.Helper()
	rows, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]spec.Requirement{}
	for _, row := range rows {
		byID[row.ID] = row
	}
	return byID
}

func TestEveryRowHasAScenarioAndEveryTagARow(t *testing.T) {
	rows := ledger(t)
	scenarios, err := conformance.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for id := range rows {
		if len(scenarios[id]) == 0 {
			t.Errorf("%s: no scenario checks it", id)
		}
	}
	for id, names := range scenarios {
		if _, known := rows[id]; !known {
			t.Errorf("%v: the tag %s has no row in the ledger", names, id)
		}
	}
}

// A row that is not judged on every exchange or stream needs a step that checks it, in a scenario that says so; and a
// step checks only what its scenario says.
func TestTagsAndChecksOfAScenarioAgree(t *testing.T) {
	rows := ledger(t)
	for _, s := range pickles(t) {
		checked := map[string]bool{}
		for _, step := range s.steps {
			if m := regexp.MustCompile(`^((?:LC|EX)-[A-Z0-9]+-\d\d): `).FindStringSubmatch(step); m != nil {
				checked[m[1]] = true
				if !slices.Contains(s.tags, m[1]) {
					t.Errorf("%s: a step checks %s, which is no tag of it", s.name, m[1])
				}
			}
		}
		for _, tag := range s.tags {
			if rows[tag].Aspect == "" && !checked[tag] {
				t.Errorf("%s: no step checks its tag %s", s.name, tag)
			}
		}
	}
}

// Every wrong request that is made from the documents is sent by some step: that of the requirement which says how it is
// to be answered.
func TestEveryWrongRequestHasAStep(t *testing.T) {
	sends := regexp.MustCompile(`^((?:LC|EX)-[A-Z0-9]+-\d\d): every request(?: of (\w+)| but of (\w+))? that is wrong in one way`)
	sent := map[string]bool{} // requirement and operation
	var operations []*spec.Operation
	for _, load := range []func() (*spec.Document, error){spec.Lifecycle, spec.Execd} {
		doc, err := load()
		if err != nil {
			t.Fatal(err)
		}
		operations = append(operations, doc.Operations...)
	}
	for _, s := range pickles(t) {
		for _, step := range s.steps {
			m := sends.FindStringSubmatch(step)
			for _, op := range operations {
				if m != nil && (m[2] == "" || m[2] == op.ID) && m[3] != op.ID {
					sent[m[1]+" "+op.ID] = true
				}
			}
		}
	}
	o := negative.Options{Seed: 1, Unknown: func() string { return "unknown" }}
	for _, op := range operations {
		for _, c := range o.Cases(negative.NewBase(op, negative.Values{})) {
			if !sent[c.Rule.Requirement+" "+op.ID] {
				t.Errorf("no step sends what is wrong with %s by %s: %s", op.ID, c.Rule.Requirement, c.What)
			}
		}
	}
}

func TestEveryStepIsUnderstoodInOneWay(t *testing.T) {
	patterns := steps.Patterns()
	used := map[string]bool{}
	for _, s := range pickles(t) {
		for _, step := range s.steps {
			var matches []string
			for _, p := range patterns {
				if p.MatchString(step) {
					matches = append(matches, p.String())
					used[p.String()] = true
				}
			}
			if len(matches) != 1 {
				t.Errorf("%s: the step %q has %d meanings: %v", s.name, step, len(matches), matches)
			}
		}
	}
	for _, p := range patterns {
		if !used[p.String()] {
			t.Errorf("no feature uses the step %s", p)
		}
	}
}

type pickle struct {
	name        string
	tags, steps []string
}

func pickles(t *testing.T) []pickle {
	t.Helper()
	run := godog.TestSuite{Options: &godog.Options{
		FS: fs.FS(features.FS), Paths: []string{features.Lifecycle, features.Execd}, Output: io.Discard,
	}}
	parsed, err := run.RetrieveFeatures()
	if err != nil {
		t.Fatal(err)
	}
	var all []pickle
	for _, feature := range parsed {
		for _, p := range feature.Pickles {
			one := pickle{name: feature.Uri + ": " + p.Name}
			for _, tag := range p.Tags {
				if id := strings.TrimPrefix(tag.Name, "@"); id != features.Long {
					one.tags = append(one.tags, id)
				}
			}
			for _, step := range p.Steps {
				one.steps = append(one.steps, step.Text)
			}
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no scenarios")
	}
	return all
}
