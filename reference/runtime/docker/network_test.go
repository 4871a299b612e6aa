package docker_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

// run runs a shell command in a sandbox and returns what it wrote.
func (f *fixture) run(id, command string) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	made, err := f.engine.ContainerExecCreate(ctx, "opensandbox-"+id, container.ExecOptions{
		Cmd: []string{"bash", "-c", command}, Env: []string{"EXECD_ACCESS_TOKEN"}, // else its own process would show it
		AttachStdout: true, AttachStderr: true})
	if err != nil {
		f.t.Fatal(err)
	}
	attached, err := f.engine.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer attached.Close()
	var out strings.Builder
	if _, err := stdcopy.StdCopy(&out, &out, attached.Reader); err != nil {
		f.t.Fatal(err)
	}
	return out.String()
}

// try is a command that says whether a TCP connection can be made. One that is
// dropped on the way is given up after a second.
func try(host string, port int) string {
	return fmt.Sprintf("timeout 1 bash -c 'exec 3<>/dev/tcp/%s/%d && cat <&3' 2>/dev/null && echo reached || echo not", host, port)
}

func TestSandboxesDoNotReachEachOther(t *testing.T) {
	f, other := newFixture(t, ""), newFixture(t, "")
	a, b, c := spec(dockertest.Debian, "sleep", "infinity"), spec(dockertest.Debian, "sleep", "infinity"), spec(dockertest.Debian, "sleep", "infinity")
	addresses := map[string]string{}
	for s, f := range map[string]*fixture{a.ID: f, b.ID: f, c.ID: other} {
		made := spec(dockertest.Debian, "sleep", "infinity")
		made.ID = s
		if err := f.Provision(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		f.ping(s)
		now, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s)
		if err != nil {
			t.Fatal(err)
		}
		addresses[s] = now.NetworkSettings.Networks[docker.DefaultNetwork].IPAddress
	}
	if out := f.run(a.ID, "timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/44772' && echo reached"); !strings.Contains(out, "reached") {
		t.Fatalf("it does not even reach itself: %s", out)
	}
	for _, to := range []string{b.ID, c.ID} {
		if out := f.run(a.ID, try(addresses[to], 44772)); !strings.Contains(out, "not") {
			t.Errorf("%s reached %s: %s", addresses[a.ID], addresses[to], out)
		}
	}
	if out := f.run(a.ID, "cat /proc/net/if_inet6 2>/dev/null | grep -v ' lo$'; echo end"); strings.TrimSpace(out) != "end" {
		t.Errorf("it has an IPv6 address, by which it may reach others:\n%s", out)
	}
}

func TestAGuardedListenerIsClosedToSandboxes(t *testing.T) {
	f := newFixture(t, "")
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	now, err := f.engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
	if err != nil {
		t.Fatal(err)
	}
	gateway := now.NetworkSettings.Networks[docker.DefaultNetwork].Gateway
	serve := func(wrap func(net.Listener) net.Listener) int {
		l, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		t.Cleanup(func() { _ = l.Close(); <-done })
		go func() {
			defer close(done)
			for guarded := wrap(l); ; {
				conn, err := guarded.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "hello\n")
				_ = conn.Close()
			}
		}()
		return l.Addr().(*net.TCPAddr).Port
	}
	open, closed := serve(func(l net.Listener) net.Listener { return l }), serve(f.Guard)
	if out := f.run(s.ID, try(gateway, open)); !strings.Contains(out, "hello") {
		t.Skipf("sandboxes don't reach this host at all: %s", out)
	}
	if out := f.run(s.ID, try(gateway, closed)); strings.Contains(out, "hello") {
		t.Errorf("a sandbox was served: %s", out)
	}
	for _, host := range []string{"127.0.0.1", gateway} {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(closed)))
		if err != nil {
			t.Fatal(err)
		}
		if out, _ := io.ReadAll(conn); string(out) != "hello\n" {
			t.Errorf("the host was not served at %s: %q", host, out)
		}
		_ = conn.Close()
	}
}

func TestANetworkThatTheOperatorNames(t *testing.T) {
	engine := dockertest.Engine(t)
	_, err := docker.New(t.Context(), docker.Config{Instance: uuid.NewString(), Execd: dockertest.Execd(t), Network: "no-such-network"})
	if err == nil || !strings.Contains(err.Error(), "no-such-network") {
		t.Errorf("%v", err)
	}
	d, err := docker.New(t.Context(), docker.Config{Client: engine, Instance: uuid.NewString(), Execd: dockertest.Execd(t), Network: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := d.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Remove(context.WithoutCancel(t.Context()), s.ID); err != nil {
			t.Error(err)
		}
	}()
	now, err := engine.ContainerInspect(t.Context(), "opensandbox-"+s.ID)
	if err != nil || now.NetworkSettings.Networks["bridge"] == nil {
		t.Errorf("%+v, %v", now.NetworkSettings, err)
	}
}

func TestANetworkThatSomebodyRemovedIsMadeAgain(t *testing.T) {
	f := newFixture(t, "")
	// It can't be removed while a sandbox of another server is in it.
	err := f.engine.NetworkRemove(t.Context(), docker.DefaultNetwork)
	if err != nil && !errdefs.IsPermissionDenied(err) && !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.ping(s.ID)
}
