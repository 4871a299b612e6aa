package docker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

func TestASandboxFromBeginningToEnd(t *testing.T) {
	for _, c := range []struct {
		image      string
		entrypoint []string
	}{
		{dockertest.Debian, []string{"sleep", "infinity"}},
		{dockertest.Scratch, nil}, // its one program
	} {
		t.Run(c.image, func(t *testing.T) {
			f := newFixture(t, "")
			if c.entrypoint == nil {
				c.entrypoint = f.command(c.image)
			}
			s := spec(c.image, c.entrypoint...)
			if err := f.Provision(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			f.ping(s.ID)
			want := []runtime.Instance{{ID: s.ID, Running: true}}
			if got, err := f.List(t.Context()); err != nil || !cmp.Equal(want, got) {
				t.Errorf("list: %v, %v", got, err)
			}
			for range 2 { // the second finds nothing, and that's no error
				if err := f.Remove(t.Context(), s.ID); err != nil {
					t.Error(err)
				}
			}
			if left := f.containers(t.Context()); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// command is the program that an image names.
func (f *fixture) command(image string) []string {
	f.t.Helper()
	info, err := f.engine.ImageInspect(f.t.Context(), image)
	if err != nil {
		f.t.Fatal(err)
	}
	command := append(info.Config.Entrypoint, info.Config.Cmd...)
	if len(command) == 0 {
		f.t.Fatalf("%s names no program", image)
	}
	return command
}

func TestWhatAContainerMayDo(t *testing.T) {
	f := newFixture(t, "")
	s := spec(dockertest.Debian, "sleep", "infinity")
	s.Limits = runtime.Limits{NanoCPUs: 5e8, MemoryBytes: 64 << 20}
	s.Env = map[string]string{"A": "b c"}
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
	if err != nil {
		t.Fatal(err)
	}
	h := got.HostConfig
	if h.NanoCPUs != 5e8 || h.Memory != 64<<20 || h.MemorySwap != 64<<20 || h.PidsLimit == nil || *h.PidsLimit != 2048 {
		t.Errorf("limits: %+v", h.Resources)
	}
	if h.Privileged || !slices.Contains(h.SecurityOpt, "no-new-privileges") || !slices.Contains(h.CapDrop, "ALL") {
		t.Errorf("privileges: %+v", h)
	}
	for _, forbidden := range []string{"SYS_ADMIN", "NET_RAW", "MKNOD", "SYS_PTRACE", "DAC_READ_SEARCH"} {
		if slices.ContainsFunc(h.CapAdd, func(c string) bool { return strings.HasSuffix(c, forbidden) }) {
			t.Errorf("it has %s", forbidden)
		}
	}
	if len(h.SecurityOpt) != 1 || h.PidMode != "" || h.IpcMode.IsHost() || h.UsernsMode != "" {
		t.Errorf("the engine's own seccomp profile and namespaces are not kept: %+v", h)
	}
	if seen := f.run(s.ID, "grep -E 'NoNewPrivs|Seccomp:|CapBnd' /proc/self/status; mknod /x c 1 3; chroot / true && echo chroot; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null"); !strings.Contains(seen, "NoNewPrivs:\t1") ||
		!strings.Contains(seen, "Seccomp:\t2") || !strings.Contains(seen, "CapBnd:\t00000000800404fb") || !strings.Contains(seen, "2048") ||
		!strings.Contains(seen, "/x: Operation not permitted") {
		t.Errorf("inside:\n%s", seen)
	}
	if len(got.Mounts) != 1 || got.Mounts[0].RW || got.Mounts[0].Destination != "/opt/opensandbox" {
		t.Errorf("mounts: %+v", got.Mounts)
	}
	if got.Config.Labels["io.opensandbox.sandbox"] != s.ID || got.Config.Labels["io.opensandbox.instance"] != f.instance {
		t.Errorf("labels: %v", got.Config.Labels)
	}
	if !slices.Contains(got.Config.Env, "A=b c") {
		t.Errorf("env: %v", got.Config.Env)
	}
}

func TestWhatCanNotBeProvisionedNamesItsCauseAndLeavesNothing(t *testing.T) {
	f := newFixture(t, "")
	limited := func(l runtime.Limits) runtime.Spec {
		s := spec(dockertest.Debian, "sleep", "infinity")
		s.Limits = l
		return s
	}
	for _, c := range []struct {
		name   string
		spec   runtime.Spec
		reason string
	}{
		{"an image of nobody", spec("127.0.0.1:1/nobody:1", "x"), runtime.ReasonImagePullFailed},
		{"no reference", spec("not//a reference", "x"), runtime.ReasonImageInvalid},
		{"capitals", spec("Capital/image", "x"), runtime.ReasonImageInvalid},
		{"more cores than there are", limited(runtime.Limits{NanoCPUs: 1e15}), runtime.ReasonResourcesUnavailable},
		{"hardly any core", limited(runtime.Limits{NanoCPUs: 1e6}), runtime.ReasonResourcesUnavailable},
		{"more memory than there is", limited(runtime.Limits{MemoryBytes: 1 << 60}), runtime.ReasonResourcesUnavailable},
		{"hardly any memory", limited(runtime.Limits{MemoryBytes: 1 << 20}), runtime.ReasonResourcesUnavailable},
		{"more GPUs than there are", limited(runtime.Limits{GPUs: 64}), runtime.ReasonResourcesUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := f.Provision(t.Context(), c.spec)
			failure := (*runtime.Failure)(nil)
			if !errors.As(err, &failure) || failure.Reason != c.reason || failure.Message == "" {
				t.Errorf("%v, want %s", err, c.reason)
			}
			if left := f.containers(t.Context()); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
