// Package dockertest is for tests that need a Docker engine. Where there is
// none they are skipped, loudly, unless OPENSANDBOX_REQUIRE_DOCKER=1 says that
// there must be one.
package dockertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/client"
)

// The local images that tests use.
const (
	Debian  = "opensandbox/debian:local"
	Scratch = "opensandbox/scratch:local"
	Jupyter = "opensandbox/jupyter:local" // not needed by most: see Image
)

const module = "github.com/opensandbox-conformance/opensandbox-conformance"

// Engine returns a client of the engine, which has the test images.
func Engine(t testing.TB) *client.Client {
	t.Helper()
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		missing(t, "no Docker client can be made: %v", err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := engine.Ping(ctx); err != nil {
		missing(t, "no Docker engine answers: %v; tools/docker-up starts one", err)
	}
	for _, image := range []string{Debian, Scratch} {
		must(t, engine, image)
	}
	return engine
}

// Image is Engine for a test that needs a further image.
func Image(t testing.TB, image string) {
	t.Helper()
	must(t, Engine(t), image)
}

func must(t testing.TB, engine *client.Client, image string) {
	t.Helper()
	if _, err := engine.ImageInspect(t.Context(), image); err != nil {
		missing(t, "the engine has no image %s: %v; make images makes it", image, err)
	}
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("OPENSANDBOX_REQUIRE_DOCKER") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED, NOT TESTED: "+format, args...)
}

var (
	buildMu sync.Mutex
	built   = map[string]string{}
)

// Execd builds the daemon, once a process, and returns its path.
func Execd(t testing.TB) string { return Build(t, "execd/cmd/execd") }

// Build builds a command of this module, once a process, as a static binary in
// bin/test: the go command leaves a file there alone that is up to date.
func Build(t testing.TB, command string) string {
	t.Helper()
	buildMu.Lock()
	defer buildMu.Unlock()
	if path, ok := built[command]; ok {
		return path
	}
	gomod, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("look for the module: %v", err)
	}
	path := filepath.Join(filepath.Dir(string(gomod)), "bin", "test", filepath.Base(command))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, module+"/"+command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", command, err, out)
	}
	built[command] = path
	return path
}
