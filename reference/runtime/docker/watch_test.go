package docker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
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
	f := newFixture(t, "")
	exits := f.watch()
	for _, c := range []struct {
		name       string
		entrypoint []string
		memory     int64
		want       runtime.Exit
	}{
		{"well", []string{"true"}, 0, runtime.Exit{}},
		{"badly", []string{"sh", "-c", "echo first >&2; echo last words >&2; exit 3"}, 0, runtime.Exit{ExitCode: 3, Message: "last words"}},
		{"later", []string{"sh", "-c", "sleep 1; exit 4"}, 0, runtime.Exit{ExitCode: 4}},
		{"for memory", []string{"python3", "-c", "x = bytearray(1 << 30)"}, 64 << 20, runtime.Exit{ExitCode: 137, OOMKilled: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(dockertest.Debian, c.entrypoint...)
			s.Limits.MemoryBytes = c.memory
			got := f.end(s, exits)
			c.want.ID = s.ID
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := f.Remove(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("without its program", func(t *testing.T) {
		s := spec(dockertest.Scratch, "/nowhere/program")
		got := f.end(s, exits)
		if got.ExitCode != 127 || !strings.Contains(got.Message, "/nowhere/program") {
			t.Errorf("%+v, want 127 and the program's name", got)
		}
	})
	t.Run("removed by somebody", func(t *testing.T) {
		s := spec(dockertest.Debian, "sleep", "infinity")
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if err := f.engine.ContainerRemove(t.Context(), "opensandbox-"+s.ID, container.RemoveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		for got := next(t, exits, s.ID); !got.Removed; got = next(t, exits, s.ID) {
			if got.ExitCode != 137 { // its death may come first
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestOurOwnRemovalIsNotReported(t *testing.T) {
	f := newFixture(t, "")
	exits := f.watch()
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	last := spec(dockertest.Debian, "sh", "-c", "sleep 1; exit 1") // by its end the other's would have come
	if err := f.Provision(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if e := <-exits; e.ID != last.ID {
		t.Errorf("our own removal was reported: %+v", e)
	}
}

// The engine tells again, on connecting, what it did before: also to a container whose place another one has taken.
func TestTheEndOfAnEarlierContainerIsNotReported(t *testing.T) {
	f := newFixture(t, "")
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	for _, anew := range []runtime.Spec{s, spec(dockertest.Debian, "sh", "-c", "sleep 1; exit 1")} { // by whose end it would have come
		if err := f.Provision(t.Context(), anew); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-f.watch(); e.ID == s.ID {
		t.Errorf("the end of the earlier container was reported: %+v", e)
	}
}

func TestAnEndWhileNobodyWatchedIsReportedLater(t *testing.T) {
	f := newFixture(t, "")
	s, gone := spec(dockertest.Debian, "sleep", "infinity"), spec(dockertest.Debian, "sleep", "infinity")
	for _, s := range []runtime.Spec{s, gone} {
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.engine.ContainerKill(t.Context(), "opensandbox-"+s.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	if err := f.engine.ContainerRemove(t.Context(), "opensandbox-"+gone.ID, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	exits := f.watch()
	seen := map[string]runtime.Exit{}
	for !seen[gone.ID].Removed || seen[s.ID].ExitCode != 137 {
		select {
		case e := <-exits: // of one that was removed, its death may come too
			if !seen[e.ID].Removed {
				seen[e.ID] = e
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("only this was reported: %+v", seen)
		}
	}
}

func TestABrokenOffProvisionLeavesNothing(t *testing.T) {
	f := newFixture(t, "")
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(250))*time.Millisecond)
		s := spec(dockertest.Debian, "sleep", "infinity")
		err := f.Provision(ctx, s)
		cancel()
		if left := f.containers(t.Context()); err != nil && len(left) != 0 {
			t.Fatalf("left after %v: %v", err, left)
		}
		if err := f.Remove(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
}
