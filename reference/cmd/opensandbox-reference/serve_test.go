package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

func TestWrongCalls(t *testing.T) {
	state, execd := filepath.Join(t.TempDir(), "state"), dockertest.Execd(t)
	for _, c := range []struct {
		name, says string
		args, env  []string
	}{
		{"no key", "an API key is needed", []string{"serve"}, nil},
		{"key and none", "contradict", []string{"serve", "--api-key", "k", "--insecure-no-api-key"}, nil},
		{"unknown flag", "unknown flag --what", []string{"serve", "--what"}, nil},
		{"unknown runtime", "--runtime must be one of", []string{"serve", "--api-key", "k", "--runtime", "magic"}, nil},
		{"unknown command", "unexpected argument dance", []string{"dance"}, nil},
		{"a state that is a file", "state directory", []string{"serve", "--api-key", "k", "--state", "/dev/null"}, nil},
		{"no engine", "Docker engine", []string{"serve", "--api-key", "k", "--runtime", "docker", "--state", state}, []string{"DOCKER_HOST=unix:///nowhere.sock"}},
		{"processes for other machines", "--insecure-process-exposed", []string{"serve", "--api-key", "k", "--runtime", "process", "--state", state, "--execd", execd, "--listen", "0.0.0.0:0"}, nil},
		{"no such tier", "process-tier must be one of", []string{"serve", "--api-key", "k", "--process-tier", "best"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary(t), c.args...)
			cmd.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, c.env...)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v:\n%s\nwant %q", err, out, c.says)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary(t), "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "opensandbox-reference ") {
		t.Errorf("%q, %v", out, err)
	}
}

// Both images, from create through a command in them to delete.
func TestTheMainJobOverDocker(t *testing.T) {
	s := newServer(t)
	bare, full := s.create(dockertest.Scratch, scratchProgram(t, s)...), s.create(dockertest.Debian, "sleep", "infinity")
	s.await(bare, "Running")
	s.await(full, "Running")

	events := s.run(full, `echo "hello $FROM_CREATE"; echo oops >&2; exit 3`)
	for _, want := range []string{`"hello yes"`, `"oops"`, `"3"`} {
		if !strings.Contains(events, want) {
			t.Errorf("no %s in\n%s", want, events)
		}
	}
	_, answer := s.do("GET", "/v1/sandboxes/"+full+"/endpoints/44772", "")
	var endpoint struct {
		Endpoint string
		Headers  map[string]string
	}
	if err := json.Unmarshal(answer, &endpoint); err != nil || !strings.HasPrefix(endpoint.Endpoint, s.address) {
		t.Fatalf("%s, %v", answer, err)
	}
	// Nothing that runs inside can read the daemon's token, as root or not.
	token := endpoint.Headers["X-EXECD-ACCESS-TOKEN"]
	seen := s.run(full, `cat /proc/1/environ /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\0' ' '; env; grep -ras FROM_CREATE /proc/[0-9]*/environ | head -c 2000; echo end`)
	if token == "" || strings.Contains(seen, token) || !strings.Contains(seen, "FROM_CREATE") {
		t.Errorf("token %q:\n%s", token, seen)
	}

	for _, id := range []string{bare, full} {
		if status, body := s.do("DELETE", "/v1/sandboxes/"+id, ""); status != 204 {
			t.Errorf("delete: %d %s", status, body)
		}
		s.await(id, "Terminated")
	}
	if left := s.containers(t.Context()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	for _, secret := range []string{token, key} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func scratchProgram(t *testing.T, s *server) []string {
	t.Helper()
	info, err := s.engine.ImageInspect(t.Context(), dockertest.Scratch)
	if err != nil {
		t.Fatal(err)
	}
	return append(info.Config.Entrypoint, info.Config.Cmd...)
}

func TestWhatCanNotRunFailsWithItsCause(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		name, image string
		entrypoint  []string
		reason      string
		says        string
	}{
		{"no program", dockertest.Debian, []string{"/no/such/program"}, "ENTRYPOINT_NOT_FOUND", "/no/such/program"},
		{"no program in an empty image", dockertest.Scratch, []string{"sh"}, "ENTRYPOINT_NOT_FOUND", "sh"},
		{"no image", "localhost:1/no/such/image:1", []string{"sh"}, "IMAGE_PULL_FAILED", "no/such/image"},
		{"a program that breaks", dockertest.Debian, []string{"sh", "-c", "echo why >&2; exit 9"}, "ENTRYPOINT_EXITED", "why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.await(s.create(c.image, c.entrypoint...), "Failed")
			if b.Status.Reason != c.reason || !strings.Contains(b.Status.Message, c.says) {
				t.Errorf("%+v, want %s with %q", b.Status, c.reason, c.says)
			}
		})
	}
	eventually(t, "nothing is left", func() bool { return len(s.containers(t.Context())) == 0 })
}

func TestSandboxesLiveOnWhileTheServerRestarts(t *testing.T) {
	s := newServer(t)
	running, paused := s.create(dockertest.Debian, "sleep", "infinity"), s.create(dockertest.Debian, "sleep", "infinity")
	ends := s.create(dockertest.Debian, "sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 5")
	for _, id := range []string{running, paused, ends} {
		s.await(id, "Running")
	}
	s.run(running, "echo kept > /file")
	if status, body := s.do("POST", "/v1/sandboxes/"+paused+"/pause", ""); status != 202 {
		t.Fatalf("pause: %d %s", status, body)
	}
	s.await(paused, "Paused")
	s.run(ends, "(sleep 1; touch /end) >/dev/null 2>&1 &")
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		s.end(signal)
		s.start()
		s.await(running, "Running")
		s.await(paused, "Paused")
		if events := s.run(running, "cat /file"); !strings.Contains(events, `"kept"`) {
			t.Errorf("after %s:\n%s", signal, events)
		}
	}
	if b := s.await(ends, "Failed"); b.Status.Reason != "ENTRYPOINT_EXITED" {
		t.Errorf("%+v", b.Status)
	}
	if status, body := s.do("POST", "/v1/sandboxes/"+paused+"/resume", ""); status != 202 {
		t.Fatalf("resume: %d %s", status, body)
	}
	s.await(paused, "Running")
	s.run(paused, "true")
}

// Killed at any moment, a server forgets nothing that it accepted, and leaves
// nothing that nobody knows.
func TestAKilledServerLosesNothing(t *testing.T) {
	s := newServer(t)
	var ids []string
	for round := range 4 {
		ids = append(ids, s.create(dockertest.Debian, "sleep", "infinity"), s.create(dockertest.Scratch, scratchProgram(t, s)...))
		if round > 0 { // one of the round before is on its way out
			s.do("DELETE", "/v1/sandboxes/"+ids[2*round-2], "")
			s.do("POST", "/v1/sandboxes/"+ids[2*round-1]+"/pause", "")
		}
		time.AfterFunc(time.Duration(round)*70*time.Millisecond, func() { _ = s.cmd.Process.Kill() })
		s.end(syscall.Signal(0))
		s.start()
	}
	for i, id := range ids {
		if i%2 == 0 && i < len(ids)-2 {
			s.await(id, "Terminated")
			continue
		}
		eventually(t, id+" is settled", func() bool {
			_, body := s.do("GET", "/v1/sandboxes/"+id, "")
			return strings.Contains(string(body), `"Running"`) || strings.Contains(string(body), `"Paused"`)
		})
	}
	eventually(t, "there is one container a sandbox", func() bool { return len(s.containers(t.Context())) == len(ids)/2+1 })
}
