package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// mostNames bounds how many names a deployment can make up; what comes after counts as one.
const mostNames = 64

// others stands for the names beyond mostNames.
const others = "(others)"

// Sightings gathers what a deployment showed, whether right or wrong: how a reader sees what a run has reached. It may
// be used by many scenarios at once.
type Sightings struct {
	mu          sync.Mutex
	answers     map[string]map[int]int // operation to status to count
	events      map[string]int
	transitions map[report.Transition]int // their Count is 0
}

// NewSightings makes an empty one.
func NewSightings() *Sightings {
	return &Sightings{answers: map[string]map[int]int{}, events: map[string]int{}, transitions: map[report.Transition]int{}}
}

// Answer counts an answer of an operation.
func (s *Sightings) Answer(op *spec.Operation, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := op.String()
	if s.answers[name] == nil {
		s.answers[name] = map[int]int{}
	}
	s.answers[name][status]++
}

// Event counts an event of an execution's stream.
func (s *Sightings) Event(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.events[kind]; !known && len(s.events) >= mostNames {
		kind = others
	}
	s.events[kind]++
}

// Transition counts a state of a sandbox that followed another; from is empty for the first.
func (s *Sightings) Transition(from, to string) {
	if from == to {
		return // the same state with another time is none
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := report.Transition{From: from, To: to}
	if _, known := s.transitions[t]; !known && len(s.transitions) >= mostNames {
		t = report.Transition{From: others, To: others}
	}
	s.transitions[t]++
}

// Report tells all of it, every operation of the profile included.
func (s *Sightings) Report(operations []*spec.Operation) report.Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := report.Seen{Operations: []report.SeenOperation{}, Events: []report.SeenEvent{}, Transitions: []report.Transition{}}
	for _, op := range operations {
		one := report.SeenOperation{
			Operation: op.String(), Group: op.Group, Documented: documented(op), Statuses: map[string]int{},
		}
		for status, count := range s.answers[op.String()] {
			one.Statuses[fmt.Sprint(status)] = count
			if op.Must != nil && op.Document.Response(op.Document.Must, op.Must, status) == nil {
				one.Undocumented = append(one.Undocumented, fmt.Sprint(status))
			}
		}
		slices.Sort(one.Undocumented)
		seen.Operations = append(seen.Operations, one)
	}
	for _, kind := range slices.Sorted(maps.Keys(s.events)) {
		seen.Events = append(seen.Events, report.SeenEvent{Type: kind, Count: s.events[kind]})
	}
	for t, count := range s.transitions {
		t.Count = count
		seen.Transitions = append(seen.Transitions, t)
	}
	slices.SortFunc(seen.Transitions, func(a, b report.Transition) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return seen
}

// documented lists the statuses that the operation itself has in its document.
func documented(op *spec.Operation) []string {
	if op.Must == nil || op.Must.Responses == nil {
		return []string{}
	}
	return slices.Sorted(maps.Keys(op.Must.Responses.Map()))
}
