package docker_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// otherBuild is execd with something behind it, which makes it another build.
func otherBuild(t *testing.T) string {
	t.Helper()
	binary, err := os.ReadFile(dockertest.Execd(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "execd")
	if err := os.WriteFile(path, append(binary, uuid.NewString()...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServersThatFillTheVolumeAtTheSameTime(t *testing.T) {
	dockertest.Engine(t)
	execd := otherBuild(t)
	fixtures := []*fixture{newFixture(t, execd), newFixture(t, execd), newFixture(t, execd)}
	var group sync.WaitGroup
	for _, f := range fixtures {
		for range 2 {
			group.Go(func() {
				s := spec(dockertest.Debian, "sleep", "infinity")
				if err := f.Provision(t.Context(), s); err != nil {
					t.Error(err)
					return
				}
				f.ping(s.ID)
			})
		}
	}
	group.Wait()
	for i, f := range fixtures {
		if list, err := f.List(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("server %d has %v, %v; want its two", i, list, err)
		}
	}
}

func TestAVolumeThatSomebodyRemovedIsFilledAgain(t *testing.T) {
	dockertest.Engine(t)
	f := newFixture(t, otherBuild(t))
	first := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	c, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	volume := c.Mounts[0].Name
	if err := f.engine.VolumeRemove(t.Context(), volume, false); err != nil {
		t.Fatal(err)
	}
	second := spec(dockertest.Scratch, f.command(dockertest.Scratch)...)
	if err := f.Provision(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	f.ping(second.ID)
	if err := f.Remove(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.engine.VolumeInspect(t.Context(), volume); !errdefs.IsNotFound(err) {
		t.Errorf("after Close the volume that nobody uses is still there: %v", err)
	}
}
