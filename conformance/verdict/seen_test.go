package verdict_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestWhatWasSeenIsCounted(t *testing.T) {
	ask, never := op("GET", "/a", "alpha"), op("GET", "/b", "beta")
	s := verdict.NewSightings()
	s.Answer(ask, 200)
	s.Answer(ask, 200)
	s.Answer(ask, 404)
	s.Event("stdout")
	s.Transition("", "Pending")
	s.Transition("Pending", "Running")
	s.Transition("Running", "Running") // another time, the same state
	s.Transition("Pending", "Running")
	want := report.Seen{
		Operations: []report.SeenOperation{
			{Operation: "GET /a", Group: "alpha", Documented: []string{}, Statuses: map[string]int{"200": 2, "404": 1}},
			{Operation: "GET /b", Group: "beta", Documented: []string{}, Statuses: map[string]int{}},
		},
		Events:      []report.SeenEvent{{Type: "stdout", Count: 1}},
		Transitions: []report.Transition{{To: "Pending", Count: 1}, {From: "Pending", To: "Running", Count: 2}},
	}
	got := s.Report([]*spec.Operation{ask, never})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Asked("GET /a") || got.Asked("GET /b") || got.Asked("GET /c") {
		t.Error("asked: got another answer")
	}
}

// A deployment that makes up names makes no report without end.
func TestMadeUpNamesAreBounded(t *testing.T) {
	s := verdict.NewSightings()
	for i := range 1000 {
		s.Event(fmt.Sprint(i))
		s.Transition("x", fmt.Sprint(i))
	}
	if got := s.Report(nil); len(got.Events) > 100 || len(got.Transitions) > 100 {
		t.Errorf("%d events, %d transitions", len(got.Events), len(got.Transitions))
	}
}
