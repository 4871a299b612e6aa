package process_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// end waits for the end of a sandbox, however soon it comes.
func (f *fixture) end(s runtime.Spec, exits <-chan runtime.Exit) runtime.Exit {
	f.t.Helper()
	err := f.Provision(f.t.Context(), s)
	if exited := (*runtime.Exited)(nil); errors.As(err, &exited) {
		return exited.Exit
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return next(f.t, exits, s.ID)
}

func TestAnEndIsReportedWithItsCause(t *testing.T) {
	f := newFixture(t)
	exits := f.watch()
	for _, c := range []struct {
		name       string
		entrypoint []string
		memory     int64
		want       runtime.Exit
	}{
		{"well", []string{"true"}, 0, runtime.Exit{}},
		{"badly", []string{"sh", "-c", "echo first >&2; echo last words >&2; exit 3"}, 0, runtime.Exit{ExitCode: 3, Message: "last words"}},
		{"later", []string{"sh", "-c", "sleep 0.3; exit 4"}, 0, runtime.Exit{ExitCode: 4}},
		{"by a signal", []string{"sh", "-c", "kill -9 $$"}, 0, runtime.Exit{ExitCode: 137}},
		{"for memory", []string{"python3", "-c", "x = bytearray(1 << 30)"}, 64 << 20, runtime.Exit{ExitCode: 137, OOMKilled: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(c.entrypoint...)
			s.Limits.MemoryBytes = c.memory
			if c.memory > 0 && len(f.Unheld(s.Limits)) > 0 {
				t.Skip("SKIPPED, NOT TESTED: this tier can't hold a limit on memory for a sandbox as a whole")
			}
			got := f.end(s, exits)
			c.want.ID = s.ID
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			list, err := f.List(t.Context())
			if err != nil || len(list) != 1 || list[0].Running || list[0].Exit == nil || *list[0].Exit != got {
				t.Errorf("list: %+v, %v", list, err)
			}
			if err := f.Remove(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("without its program", func(t *testing.T) {
		s := spec("/nowhere/program")
		got := f.end(s, exits)
		if got.ExitCode != 127 || !strings.Contains(got.Message, "/nowhere/program") {
			t.Errorf("%+v, want 127 and the program's name", got)
		}
	})
}

func TestOurOwnRemovalIsNotReported(t *testing.T) {
	f := newFixture(t)
	exits := f.watch()
	id := f.provision()
	if err := f.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	last := spec("false") // by its end the other's would have come
	if err := f.Provision(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if e := <-exits; e.ID != last.ID {
		t.Errorf("our own removal was reported: %+v", e)
	}
}

func TestABrokenOffProvisionLeavesNothing(t *testing.T) {
	f := newFixture(t)
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(40))*time.Millisecond)
		s := spec("sleep", "infinity")
		err := f.Provision(ctx, s)
		cancel()
		if list, lerr := f.List(t.Context()); lerr != nil || err != nil && len(list) > 0 {
			t.Fatalf("left after %v: %v, %v", err, list, lerr)
		}
		if err := f.Remove(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
}
