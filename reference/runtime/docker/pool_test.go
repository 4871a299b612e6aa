package docker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

func pooled(n int) func(*docker.Config) {
	return func(c *docker.Config) { c.Pool = map[string]int{dockertest.Debian: n} }
}

// full waits until as many containers are ready as are wanted.
func (f *fixture) full(n int) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%d containers are ready", n), func() bool { return f.Ready(dockertest.Debian) == n })
}

func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// A sandbox of a container that was kept ready can't be told from another by what runs in it.
func TestAPreparedSandboxIsLikeOneThatWasMadeForIt(t *testing.T) {
	f := newFixture(t, "", pooled(1))
	exits := f.watch()
	look := func(s runtime.Spec) (inside string, h *container.HostConfig, id string) {
		t.Helper()
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		f.ping(s.ID)
		inside = f.run(s.ID, `until [ -s /tmp/done ]; do :; done; cat /tmp/seen; grep -c 'the-toke[n]' /proc/*/environ /proc/*/cmdline 2>/dev/null | grep -v ':0$'`)
		now, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
		if err != nil {
			t.Fatal(err)
		}
		return inside, now.HostConfig, now.ID
	}
	s := spec(dockertest.Debian, "bash", "-c",
		`(env | grep -v HOSTNAME | sort; [ "$HOSTNAME" = "$(cat /proc/sys/kernel/hostname)" ] && echo named; readlink /proc/self/fd/0; ls /proc/self/fd | wc -l; id; pwd; echo $PPID; ulimit -a) > /tmp/seen 2>&1; echo x > /tmp/done; exec sleep infinity`)
	s.Env = map[string]string{"A": "b c", "HOME": "/tmp", "EXECD_X": "hidden", "Ü": "\"\n"}
	s.Limits = runtime.Limits{NanoCPUs: 5e8, MemoryBytes: 64 << 20}
	image, err := f.engine.ImageInspect(t.Context(), s.Image)
	if err != nil {
		t.Fatal(err)
	}
	byDigest := s
	byDigest.Image = image.ID // of this name none is kept
	fresh, freshHost, _ := look(byDigest)
	f.full(1)
	var spare string
	for _, c := range f.containers(t.Context()) {
		if _, ok := c.Labels["io.opensandbox.prepared"]; ok {
			spare = c.ID
		}
	}
	s.ID = spec(s.Image).ID
	ready, readyHost, id := look(s)
	if id != spare {
		t.Errorf("container %s was made, and %s was there", id, spare)
	}
	if diff := cmp.Diff(fresh, ready); diff != "" || !strings.Contains(fresh, "A=b c") || !strings.Contains(fresh, "/dev/null") {
		t.Errorf("inside (-made for it +kept ready):\n%s\n%s", diff, fresh)
	}
	if diff := cmp.Diff(freshHost.Resources, readyHost.Resources); diff != "" {
		t.Errorf("limits (-made for it +kept ready):\n%s", diff)
	}
	f.full(1) // another took its place
	got, err := f.List(t.Context())
	if err != nil || len(got) != 2 {
		t.Errorf("list: %v, %v", got, err)
	}
	if err := f.engine.ContainerKill(t.Context(), id, "KILL"); err != nil {
		t.Fatal(err)
	}
	if e := next(t, exits, s.ID); e.ExitCode != 137 {
		t.Errorf("%+v", e)
	}
}

// What is made ready has the limits that were last asked for, and is of use for all that can be got from there.
func TestThePoolFollowsTheLimitsThatAreAskedFor(t *testing.T) {
	f := newFixture(t, "", pooled(1))
	f.watch()
	for _, c := range []struct {
		limits runtime.Limits
		ready  bool // it is a container that was ready
	}{
		{runtime.Limits{MemoryBytes: 64 << 20}, true},
		{runtime.Limits{MemoryBytes: 32 << 20, NanoCPUs: 5e8}, true},
		{runtime.Limits{NanoCPUs: 5e8}, false},
		{runtime.Limits{NanoCPUs: 5e8}, true},
	} {
		f.full(1)
		s := spec(dockertest.Debian, "sleep", "infinity")
		s.Limits = c.limits
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		f.ping(s.ID)
		now, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, ready := now.Config.Labels["io.opensandbox.prepared"]
		if h := now.HostConfig; ready != c.ready || h.Memory != c.limits.MemoryBytes || h.MemorySwap != c.limits.MemoryBytes || h.NanoCPUs != c.limits.NanoCPUs {
			t.Errorf("%+v: from the pool %t, want %t; %d %d %d", c.limits, ready, c.ready, h.Memory, h.MemorySwap, h.NanoCPUs)
		}
	}
}

func TestAPreparedSandboxEndsAsItsEntrypointDoes(t *testing.T) {
	f := newFixture(t, "", pooled(1))
	exits := f.watch()
	for _, c := range []struct {
		entrypoint []string
		status     int
		words      string
	}{
		{[]string{"bash", "-c", "echo bye >&2; exit 125"}, 125, "bye"},
		{[]string{"no-such-program"}, 127, "not found"},
	} {
		f.full(1)
		s := spec(dockertest.Debian, c.entrypoint...)
		err := f.Provision(t.Context(), s)
		var exit runtime.Exit
		if exited := (*runtime.Exited)(nil); errors.As(err, &exited) {
			exit = exited.Exit
		} else if err == nil {
			exit = next(t, exits, s.ID)
		} else {
			t.Fatal(err)
		}
		if exit.ExitCode != c.status || !strings.Contains(exit.Message, c.words) || exit.Removed {
			t.Errorf("%q: %+v", c.entrypoint, exit)
		}
	}
}

func TestWhatCanNotBePreparedIsMadeFromTheBeginning(t *testing.T) {
	f := newFixture(t, "", pooled(1))
	f.watch()
	f.full(1)
	for _, c := range f.containers(t.Context()) {
		if err := f.engine.ContainerKill(t.Context(), c.ID, "KILL"); err != nil { // it is noticed now or later
			t.Fatal(err)
		}
	}
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.ping(s.ID)
	f.full(1)
	low := spec(dockertest.Debian, "sleep", "infinity")
	low.Limits.MemoryBytes = 1 << 20
	failure := (*runtime.Failure)(nil)
	if err := f.Provision(t.Context(), low); !errors.As(err, &failure) || failure.Reason != runtime.ReasonResourcesUnavailable {
		t.Errorf("%v, want %s", err, runtime.ReasonResourcesUnavailable)
	}
	f.eventually("what failed is gone", func() bool { return len(f.containers(t.Context())) == 2 })
}

// What a server that was killed had ready ends by itself, and the next one finds what it was at.
func TestPreparedContainersDoNotOutliveTheirServer(t *testing.T) {
	f := newFixture(t, "", pooled(2))
	ctx, die := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { _ = f.Watch(ctx, func(runtime.Exit) {}) })
	f.full(2)
	die()
	watching.Wait()
	s := spec(dockertest.Debian, "sleep", "infinity")
	half := f.containers(t.Context())[0] // it was killed before it gave the order
	if err := f.engine.ContainerRename(t.Context(), half.ID, "opensandbox-"+s.ID); err != nil {
		t.Fatal(err)
	}
	f.Abandon()
	later := newFixture(t, "", func(c *docker.Config) { c.Instance = f.instance })
	f.eventually("they have ended", func() bool {
		got, err := later.List(t.Context())
		for _, instance := range got {
			if err != nil || instance.Running {
				return false
			}
		}
		return len(got) > 0
	})
	if err := later.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	later.ping(s.ID)
	got, err := later.List(t.Context())
	for _, instance := range got {
		if instance.ID != s.ID && (instance.Running || later.Remove(t.Context(), instance.ID) != nil) {
			t.Errorf("%+v", instance)
		}
	}
	if left := f.containers(t.Context()); err != nil || len(left) != 1 {
		t.Errorf("%d containers, %v", len(left), err)
	}
}

func TestCloseRemovesWhatIsReady(t *testing.T) {
	f := newFixture(t, "", pooled(2))
	f.watch()
	f.full(2)
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := f.containers(t.Context()); len(left) != 0 {
		t.Errorf("%d containers are left", len(left))
	}
}
