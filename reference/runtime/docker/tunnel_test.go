package docker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

// Echoes what it is sent, upper-case, when it was sent all of it.
const shout = `import socket
s = socket.create_server(("", 8000))
while True:
    c, _ = s.accept()
    data = b""
    while part := c.recv(65536):
        data += part
    c.sendall(data.upper())
    c.close()
`

// An engine of another machine, as far as the runtime can tell: it can't reach
// the containers' addresses there, and comes in through the engine.
func TestASandboxOnAnotherMachineIsReachedThroughItsEngine(t *testing.T) {
	f, _ := behindWay(t, "tcp", "127.0.0.1:0")
	exits := f.watch()
	s := spec(dockertest.Debian, "python3", "-c", shout)
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.ping(s.ID)

	var conn net.Conn
	for start := time.Now(); conn == nil; { // until it listens
		var err error
		if conn, err = f.Dial(t.Context(), s.ID, 8000); err != nil && time.Since(start) > 15*time.Second {
			t.Fatal(err)
		}
	}
	sent := bytes.Repeat([]byte("all of it "), 200_000)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, bytes.ToUpper(sent)) {
		t.Errorf("%d bytes came back of %d; %v", len(got), len(sent), err)
	}
	_ = conn.Close()

	_, err := f.Dial(t.Context(), s.ID, 9)
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nothing listens there: %v", err)
	}
	if seen := f.run(s.ID, `cat /proc/*/environ | tr '\0' '\n' | grep TOKEN; echo end`); strings.Contains(seen, "the-token") {
		t.Errorf("the token can be seen: %s", seen)
	}
	if err := f.Pause(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if conn, err := f.Dial(ctx, s.ID, 44772); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused sandbox: %v, %v", conn, err)
	}
	if err := f.engine.ContainerKill(t.Context(), "opensandbox-"+s.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	if e := next(t, exits, s.ID); e.ExitCode != 137 {
		t.Errorf("%+v", e)
	}
}

// DOCKER_HOST=ssh://… works as for the docker command. Here ssh is a script
// that runs on this machine what it is to run on the other.
func TestAnEngineBehindSSH(t *testing.T) {
	dockertest.Engine(t)
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: the docker command, which ssh runs on the other side, is not here")
	}
	bin := t.TempDir()
	script := "#!/bin/sh\nwhile [ \"$1\" != elsewhere ]; do shift; done\nshift\nunset DOCKER_HOST\nexec sh -c \"$*\"\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("DOCKER_HOST", "ssh://user@elsewhere")
	f := newRemote(t)
	s := spec(dockertest.Debian, "sleep", "infinity")
	if err := f.Provision(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.ping(s.ID)
	if got, err := f.List(t.Context()); err != nil || len(got) != 1 || (got[0] != runtime.Instance{ID: s.ID, Running: true}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// newRemote is a fixture whose own client is made as the runtime's is not: from
// no DOCKER_HOST.
func newRemote(t *testing.T) *fixture {
	t.Helper()
	host := os.Getenv("DOCKER_HOST")
	t.Setenv("DOCKER_HOST", "")
	return newFixture(t, "", func(*docker.Config) { t.Setenv("DOCKER_HOST", host) })
}
