package docker_test

import (
	"errors"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// A server that was killed may have had the container made, started, or even
// ended: the next one goes on from there, and starts no entry process twice.
func TestAContainerThatIsThereAlreadyIsGoneOnWith(t *testing.T) {
	f := newFixture(t, "")
	for _, c := range []struct {
		name string
		to   func(id string) error // brings the container into a state
		same bool
		exit int
	}{
		{"it runs", func(string) error { return nil }, true, 0},
		{"it ended", func(id string) error { return f.engine.ContainerKill(t.Context(), id, "KILL") }, true, 137},
		{"it is paused", func(id string) error { return f.engine.ContainerPause(t.Context(), id) }, true, 0},
		{"it is gone", func(id string) error {
			return f.engine.ContainerRemove(t.Context(), id, container.RemoveOptions{Force: true})
		}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(dockertest.Debian, "sleep", "infinity")
			if err := f.Provision(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			name := "opensandbox-" + s.ID
			before, err := f.engine.ContainerInspect(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.to(name); err != nil {
				t.Fatal(err)
			}
			err = f.Provision(t.Context(), s)
			if exited := (*runtime.Exited)(nil); c.exit != 0 {
				if !errors.As(err, &exited) || exited.Exit.ExitCode != c.exit {
					t.Fatalf("%v, want an end with %d", err, c.exit)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			after, err := f.engine.ContainerInspect(t.Context(), name)
			if err != nil || (after.ID == before.ID) != c.same {
				t.Errorf("the same container: %t, want %t; %v", after.ID == before.ID, c.same, err)
			}
			if err := f.Remove(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("it was made and not started", func(t *testing.T) {
		s := spec(dockertest.Debian, "sleep", "infinity")
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		made, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
		if err != nil {
			t.Fatal(err)
		}
		next := spec(dockertest.Debian, "sleep", "infinity")
		made.Config.Labels["io.opensandbox.sandbox"] = next.ID
		late, err := f.engine.ContainerCreate(t.Context(), made.Config, made.HostConfig, nil, nil, "opensandbox-"+next.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Provision(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		f.ping(next.ID)
		if now, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+next.ID); err != nil || now.ID != late.ID {
			t.Errorf("it was made anew; %v", err)
		}
	})
}
