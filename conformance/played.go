package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/steps"
)

// Watcher is told how a run goes on. Its methods are called one at a time.
type Watcher interface {
	Expect(scenarios int)  // how many will be played
	Begin(scenario string) // by its name, which others may have too
	End(Played)
}

// Outcomes of a scenario.
const (
	PlayedWell    = "ok"
	PlayedBroken  = "failed"     // some of its checks
	PlayedSkipped = "skipped"    // it is about something that the deployment need not have
	PlayedUnknown = "not judged" // something that it needs was missing
)

// Played is what became of a scenario.
type Played struct {
	Scenario string
	Outcome  string
	Broken   int // checks that failed
	Took     time.Duration
	Reason   string // of PlayedSkipped and PlayedUnknown
}

// String is the line of progress.
func (p Played) String() string {
	word := p.Outcome
	if p.Outcome == PlayedBroken {
		word = fmt.Sprintf("%d checks failed", p.Broken)
	}
	line := fmt.Sprintf("%-12s %s (%s)", word, p.Scenario, p.Took.Round(time.Millisecond))
	if p.Reason != "" {
		line += ": " + strings.Join(strings.Fields(p.Reason), " ")
	}
	return line
}

// settle writes down the requirements that a scenario did not reach, and why.
func (s *suite) settle(w *steps.World, name string, took time.Duration, err error) {
	played := Played{Scenario: name, Outcome: PlayedWell, Broken: w.Broken, Took: took}
	switch {
	case err != nil:
		reason, skip := steps.Reason(err)
		played.Outcome, played.Reason = PlayedUnknown, s.book.Redactor.Hide(reason)
		if skip {
			played.Outcome = PlayedSkipped
		}
		s.missed(w, reason, skip)
	case w.Broken > 0:
		played.Outcome = PlayedBroken
	}
	s.end(played)
}

// missed says of each requirement that a scenario did not reach why it did not.
func (s *suite) missed(w *steps.World, reason string, skip bool) {
	for _, id := range w.Rows {
		row, known := s.book.Requirement(id)
		switch {
		case !known: // not in this edition
		case w.Checked[id] || row.Aspect != "":
		case skip:
			s.book.Ballot.Skip(id, reason)
		default:
			s.book.Ballot.NotJudged(id, s.book.Redactor.Hide(reason))
		}
	}
}

func (s *suite) expect(scenarios int) {
	if s.Watch != nil {
		s.Watch.Expect(scenarios)
	}
}

func (s *suite) begin(scenario string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Watch != nil {
		s.Watch.Begin(scenario)
	}
}

func (s *suite) end(p Played) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Progress != nil {
		fmt.Fprintln(s.Progress, p)
	}
	if s.Watch != nil {
		s.Watch.End(p)
	}
}
