package docker_test

import (
	"context"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

func TestPauseStopsWhatRuns(t *testing.T) {
	f := newFixture(t, "")
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.ping(s.ID)
	for _, step := range []struct {
		do     func(context.Context, string) error
		paused bool
	}{{f.Pause, true}, {f.Pause, true}, {f.Resume, false}, {f.Resume, false}, {f.Pause, true}} {
		if err := step.do(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		list, err := f.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Paused != step.paused || !list[0].Running {
			t.Fatalf("%+v, %v", list, err)
		}
		if !step.paused {
			f.ping(s.ID)
		}
	}
	if err := f.Remove(t.Context(), s.ID); err != nil {
		t.Errorf("remove while paused: %v", err)
	}
	if err := f.Pause(t.Context(), s.ID); err == nil {
		t.Error("nothing was paused, and it is no error")
	}
}
