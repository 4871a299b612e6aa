package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// The image of the suite, from nothing but the binary, judges and leaves its report to the user who runs it.
func TestTheImageOfTheSuite(t *testing.T) {
	dockertest.Engine(t)
	program(t, "opensandbox-conformance")
	address := bare(t, token)
	tag := fmt.Sprintf("opensandbox/conformance:test-%d", os.Getpid())
	if out, err := exec.CommandContext(t.Context(), "../container/build", tag, dockertest.Scratch).CombinedOutput(); err != nil {
		t.Fatalf("tools/container/build: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", tag).Run() })
	dir := t.TempDir()
	run := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--network", "host",
		"--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "-v", dir+":/out", "-e", "EXECD_ACCESS_TOKEN",
		tag, "run", "--profile", "execd", "--execd-url", "http://"+address, "--operations", "GET /ping", "--groups", "execd-auth", "--out", "/out")
	run.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+token)
	out, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nconformant: ") {
		t.Fatalf("%v\n%s", err, out)
	}
	if report := read(t, dir+"/report.json"); !strings.Contains(report, `"verdict": "conformant"`) {
		t.Errorf("the report says otherwise:\n%.300s", report)
	}
}
