package main_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// Where no engine answers sandboxes are processes of this machine, and stay so while there are any.
func TestTheMainJobWithoutAnEngine(t *testing.T) {
	s := &server{t: t, state: filepath.Join(t.TempDir(), "state")}
	before := os.Getenv("DOCKER_HOST")
	t.Setenv("DOCKER_HOST", "unix:///nowhere.sock")
	s.start()
	t.Cleanup(func() {
		s.end(os.Interrupt)
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	id := s.create("host", "sleep", "infinity")
	s.await(id, "Running")
	if events := s.run(id, `echo "hello $FROM_CREATE" >/etc/hello; cat /etc/hello`); !strings.Contains(events, "hello yes") && !strings.Contains(s.log.String(), "tier=plain") {
		t.Errorf("the command gave %s", events)
	}
	failed := s.create("python:3.12", "sleep", "infinity")
	if sb := s.await(failed, "Failed"); !strings.Contains(sb.Status.Message, "host") {
		t.Errorf("another image: %+v", sb.Status)
	}
	s.end(os.Kill)
	t.Setenv("DOCKER_HOST", before) // an engine may answer now
	s.start()
	s.await(id, "Running")
	if status, said := s.do(http.MethodDelete, "/v1/sandboxes/"+id, ""); status != http.StatusNoContent {
		t.Errorf("delete: %d %s", status, said)
	}
	s.await(id, "Terminated")
	s.end(os.Interrupt)
	left, err := exec.CommandContext(t.Context(), binary(t), "gc", "--runtime", "process", "--state", s.state, "--execd", dockertest.Execd(t), "--dry-run").CombinedOutput()
	if err != nil || !strings.Contains(string(left), "0 sandboxes") {
		t.Errorf("gc: %v\n%s", err, left)
	}
	s.start()
}
