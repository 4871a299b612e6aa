package process_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestASandboxFromBeginningToEnd(t *testing.T) {
	f := newFixture(t)
	f.needsView()
	id := f.provision(func(s *runtime.Spec) { s.Env = map[string]string{"A": "b c"} })
	f.ping(id)
	if got := f.run(id, `echo "$A"; echo changed >/etc/opensandbox-test; cat /etc/opensandbox-test; hostname; id -u`); got != "b c\nchanged\n"+id[:12]+"\n0\n" {
		t.Errorf("inside: %q", got)
	}
	if err := os.Remove("/etc/opensandbox-test"); err == nil {
		t.Error("a file of the host was made")
	}
	want := []runtime.Instance{{ID: id, Running: true}}
	if got, err := f.List(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("list: %v, %v", got, err)
	}
	for range 2 { // the second finds nothing, and that's no error
		if err := f.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if got, err := f.List(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("list: %v, %v", got, err)
	}
	if _, err := f.Dial(t.Context(), id, 44772); err == nil {
		t.Error("a sandbox that is gone can be reached")
	}
}

func TestPortsOfSandboxesAreApart(t *testing.T) {
	f := newFixture(t)
	f.needsView()
	var ids []string
	for range 2 {
		ids = append(ids, f.provision())
	}
	for _, id := range ids {
		f.run(id, "cd /tmp && hostname >name && (setsid python3 -m http.server 8000 >/dev/null 2>&1 &) ; until bash -c 'echo >/dev/tcp/127.0.0.1/8000' 2>/dev/null; do sleep 0.05; done")
	}
	for _, id := range ids {
		res, err := f.client(id, 8000).Get("http://inside/name")
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, res.Body); got != id[:12]+"\n" {
			t.Errorf("%s answers %q", id, got)
		}
		if _, err := f.Dial(t.Context(), id, 8001); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("a port where nothing listens: %v", err)
		}
	}
}

func TestWhatASandboxDoesNotSee(t *testing.T) {
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	hidden := filepath.Join(t.TempDir(), "key")
	f := newFixture(t)
	f.needsView()
	id := f.provision()
	_, port, _ := net.SplitHostPort(own.Addr().String())
	for command, want := range map[string]string{
		"ls -A /root /var/lib/docker /tmp 2>/dev/null | grep -v :":                      "",
		"ls " + f.cfg.State + " 2>/dev/null":                                            "",
		"cat " + hidden + " 2>/dev/null":                                                "",
		"echo $$ | grep -c .; ps ax | grep -c 'process.test$'":                          "1\n0\n",
		"grep " + f.cfg.State + " /proc/self/mountinfo | grep -vc /opt/opensandbox/net": "0\n",
		"(echo >/dev/tcp/127.0.0.1/" + port + ") 2>/dev/null || echo refused":           "refused\n",
		"env | grep -ci 'api_key\\|token'":                                              "0\n",
		"ls /proc/self/fd | wc -l":                                                      "4\n",
	} {
		if strings.Contains(command, "mountinfo") && f.Tier() == "user" {
			continue // there its own directories are mounts, and named
		}
		if got := strings.TrimLeft(f.run(id, command), "\n"); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

// Programs find the proxy, also one of a server that was started again, and it leads to no service of this machine.
func TestTheWayOutLeadsNotBackIn(t *testing.T) {
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	f := newFixture(t)
	f.needsView()
	id := f.provision()
	ask := `exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://` + own.Addr().String() + `/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3; head -n 1 <&3`
	for range 2 {
		if said := f.run(id, ask); !strings.Contains(said, "403") {
			t.Errorf("the proxy says %q", said)
		}
		f.close()
		f.open()
		if _, err := f.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.run(id, "env | grep -c 127.0.0.1:3128"); got != "2\n" {
		t.Errorf("variables: %q", got)
	}
}

func TestWhatCanNotBeProvisionedNamesItsCauseAndLeavesNothing(t *testing.T) {
	f := newFixture(t)
	limited := func(l runtime.Limits) runtime.Spec {
		s := spec("sleep", "infinity")
		s.Limits = l
		return s
	}
	image := spec("sleep", "infinity")
	image.Image = "python:3.12"
	for _, c := range []struct {
		name   string
		spec   runtime.Spec
		reason string
	}{
		{"another image", image, runtime.ReasonImageNotFound},
		{"no entrypoint", spec(), runtime.ReasonEntrypointNotFound},
		{"more cores than there are", limited(runtime.Limits{NanoCPUs: 1e15}), runtime.ReasonResourcesUnavailable},
		{"hardly any core", limited(runtime.Limits{NanoCPUs: 1e6}), runtime.ReasonResourcesUnavailable},
		{"more memory than there is", limited(runtime.Limits{MemoryBytes: 1 << 60}), runtime.ReasonResourcesUnavailable},
		{"hardly any memory", limited(runtime.Limits{MemoryBytes: 1 << 20}), runtime.ReasonResourcesUnavailable},
		{"a GPU", limited(runtime.Limits{GPUs: 1}), runtime.ReasonResourcesUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := f.Provision(t.Context(), c.spec)
			failure := (*runtime.Failure)(nil)
			if !errors.As(err, &failure) || failure.Reason != c.reason || failure.Message == "" {
				t.Errorf("%v, want %s", err, c.reason)
			}
			if list, err := f.List(t.Context()); err != nil || len(list) > 0 {
				t.Errorf("left: %v, %v", list, err)
			}
		})
	}
}
