package conformance

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/features"
)

// Scenario is one scenario of the features.
type Scenario struct {
	File, Name string
	Line       int64
	Text       string // as it stands in its file, tags included
	Background string // what comes before each scenario of the file; empty: nothing
}

// String names the scenario as reports do.
func (s Scenario) String() string { return s.File + ": " + s.Name }

// Scenarios lists the scenarios that check each requirement, by id. They are read once; nobody may change the answer.
func Scenarios() (map[string][]Scenario, error) { return scenarios() }

var scenarios = sync.OnceValues(readScenarios)

func readScenarios() (map[string][]Scenario, error) {
	run := godog.TestSuite{Options: &godog.Options{
		FS: fs.FS(features.FS), Paths: []string{features.Lifecycle, features.Execd}, Output: io.Discard,
	}}
	parsed, err := run.RetrieveFeatures()
	if err != nil {
		return nil, err
	}
	if len(parsed) == 0 {
		return nil, errors.New("there are no features")
	}
	out := map[string][]Scenario{}
	for _, feature := range parsed {
		for _, pickle := range feature.Pickles {
			ast := feature.FindScenario(pickle.AstNodeIds[0])
			s := Scenario{File: feature.Uri, Name: pickle.Name}
			if ast != nil {
				first := ast.Location.Line
				for _, tag := range ast.Tags {
					first = min(first, tag.Location.Line)
				}
				s.Line, s.Text = ast.Location.Line, excerpt(string(feature.Content), first, ast.Location.Line)
			}
			if before := feature.FindBackground(pickle.AstNodeIds[0]); before != nil {
				s.Background = excerpt(string(feature.Content), before.Location.Line, before.Location.Line)
			}
			for _, tag := range pickle.Tags {
				id := strings.TrimPrefix(tag.Name, "@")
				if id == features.Long {
					continue
				}
				same := func(known Scenario) bool { return known.String() == s.String() }
				if !slices.ContainsFunc(out[id], same) { // an outline has a pickle for each example
					out[id] = append(out[id], s)
				}
			}
		}
	}
	return out, nil
}

// Catalogue lists the names of the scenarios that check each requirement, by id.
func Catalogue() (map[string][]string, error) {
	scenarios, err := Scenarios()
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for id, list := range scenarios {
		for _, s := range list {
			out[id] = append(out[id], s.String())
		}
	}
	return out, nil
}

// excerpt cuts a scenario out of its file: from its first tag to what begins the next thing, or the end.
func excerpt(content string, first, title int64) string {
	lines := strings.Split(content, "\n")
	end := int(title) // the index of the line after it
	inText := false
	for ; end < len(lines); end++ {
		line := strings.TrimSpace(lines[end])
		if strings.HasPrefix(line, `"""`) || strings.HasPrefix(line, "```") {
			inText = !inText
		}
		begins := func(word string) bool { return strings.HasPrefix(line, word) }
		if !inText && (begins("@") || begins("Scenario") || begins("Rule:") || begins("Background:")) {
			break
		}
	}
	return strings.TrimRight(strings.Join(lines[first-1:end], "\n"), " \n")
}
