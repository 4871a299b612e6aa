package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/features"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// mostLong is how many of the scenarios that mostly wait are played at once, beside the others.
const mostLong = 16

// play runs every scenario that concerns what is claimed.
func (s *suite) play(ctx context.Context) error {
	tags := s.tags()
	if len(tags) == 0 {
		s.book.Ballot.Stop("nothing matched: the suite has no scenario for what was asked for")
		return nil
	}
	runs, total, err := s.runs(ctx, tags)
	if err != nil {
		return err
	}
	s.expect(total)
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() { run.Run() }) // its status says less than the ballot does
	}
	all.Wait()
	s.target.Sound(ctx, s.book.Ballot.Unasked())
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Deadlines.Change)
	defer cancel()
	s.target.Sweep(end)
	return nil
}

// runs are the scenarios that mostly wait, and the others: all of them are played at once, so that the former hold up
// nobody.
func (s *suite) runs(ctx context.Context, tags []string) (runs []godog.TestSuite, scenarios int, err error) {
	for tag, atOnce := range map[string]int{"@" + features.Long: mostLong, "~@" + features.Long: s.Concurrency} {
		run := godog.TestSuite{
			Name:                "conformance",
			ScenarioInitializer: func(sc *godog.ScenarioContext) { s.scenario(sc) },
			Options: &godog.Options{
				FS: fs.FS(features.FS), Paths: s.paths(tags), Format: "progress", Output: io.Discard, Strict: true,
				Tags: tag + " && " + strings.Join(tags, ","), Concurrency: atOnce, DefaultContext: ctx, NoColors: true,
			},
		}
		parsed, err := run.RetrieveFeatures()
		if err != nil {
			return nil, 0, fmt.Errorf("read the features: %w", err)
		}
		if len(parsed) > 0 {
			runs = append(runs, run)
		}
		for _, feature := range parsed {
			scenarios += len(feature.Pickles)
		}
	}
	if scenarios == 0 {
		return nil, 0, errors.New("read the features: no scenario carries what is claimed")
	}
	return runs, scenarios, nil
}

// paths are the files that hold a scenario which is claimed.
func (s *suite) paths(tags []string) []string {
	var paths []string
	for _, tag := range tags {
		for _, name := range s.claim.Scenarios[strings.TrimPrefix(tag, "@")] {
			file, _, _ := strings.Cut(name, ": ")
			folder, _, _ := strings.Cut(file, "/")
			if slices.Contains(s.folders, folder) && !slices.Contains(paths, file) {
				paths = append(paths, file)
			}
		}
	}
	slices.SortFunc(paths, func(a, b string) int { // both APIs at once: one waits for containers, the other for processes
		return cmp.Or(cmp.Compare(path.Base(a), path.Base(b)), cmp.Compare(a, b))
	})
	return paths
}

// tags are the ids of the requirements that are claimed: every scenario that carries one of them is played.
func (s *suite) tags() []string {
	var tags []string
	for _, row := range s.ledger {
		alone := row.Group != spec.AnyGroup || len(s.Groups) == 0 // else it is judged beside what is claimed
		if alone && s.claim.Requirement(row) && (len(s.Only) == 0 || slices.Contains(s.Only, row.ID)) && len(s.claim.Scenarios[row.ID]) > 0 {
			tags = append(tags, "@"+row.ID)
		}
	}
	return tags
}
