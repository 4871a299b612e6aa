package process_test

import (
	"context"
	"testing"
)

func TestPauseStopsWhatRuns(t *testing.T) {
	f := newFixture(t)
	id := f.provision()
	f.ping(id)
	f.run(id, "(setsid sh -c 'while :; do echo >>~/ticks; done' >/dev/null 2>&1 &) ; until [ -s ~/ticks ]; do :; done")
	for _, step := range []struct {
		do     func(context.Context, string) error
		paused bool
	}{{f.Pause, true}, {f.Pause, true}, {f.Resume, false}, {f.Resume, false}, {f.Pause, true}, {f.Resume, false}, {f.Pause, true}} {
		if err := step.do(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		list, err := f.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Paused != step.paused || !list[0].Running {
			t.Fatalf("%+v, %v", list, err)
		}
		if states := f.states(id); step.paused && states["R"]+states["S"]-f.spared() > 0 {
			t.Fatalf("while it is paused: %v", states)
		}
		if !step.paused {
			f.ping(id)
		}
	}
	if err := f.Remove(t.Context(), id); err != nil {
		t.Errorf("remove while paused: %v", err)
	}
	if err := f.Pause(t.Context(), id); err == nil {
		t.Error("nothing was paused, and it is no error")
	}
}
