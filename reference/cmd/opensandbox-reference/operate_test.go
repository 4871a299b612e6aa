package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

var manageAddress = regexp.MustCompile(`manage_address=(\S+)`)

// managed restarts the server with a management address, and returns it.
func (s *server) managed(flags ...string) string {
	s.t.Helper()
	s.end(syscall.SIGTERM)
	s.start(append(flags, "--manage-listen", "127.0.0.1:0")...)
	found := manageAddress.FindStringSubmatch(s.log.String())
	if found == nil {
		s.t.Fatal("no management address in the log")
	}
	return found[1]
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestTheManagementAddress(t *testing.T) {
	s := newServer(t)
	manage := s.managed()
	s.await(s.create(dockertest.Debian, "sleep", "infinity"), "Running")
	status, figures := fetch(t, "http://"+manage+"/metrics")
	for _, want := range []string{`opensandbox_sandboxes{state="Running"} 1`, `opensandbox_requests_total{operation="createSandbox",status="202"} 1`} {
		if status != 200 || !strings.Contains(figures, want) {
			t.Errorf("%d, no %s", status, want)
		}
	}
	for url, want := range map[string]int{
		"http://" + manage + "/readyz":           200,
		"http://" + manage + "/debug/pprof/heap": 200,
		"http://" + manage + "/v1/sandboxes":     404,
		"http://" + s.address + "/readyz":        200,
		"http://" + s.address + "/healthz":       200,
		"http://" + s.address + "/metrics":       404,
		"http://" + s.address + "/debug/pprof/":  404,
		"http://" + s.address + "/docs":          200,
		"http://" + s.address + "/v1/sandboxes":  401,
		"http://" + s.address + "/v1/healthz":    401,
	} {
		if status, body := fetch(t, url); status != want {
			t.Errorf("%s: %d %.200s, want %d", url, status, body, want)
		}
	}
}

// stream runs a command in a sandbox; what it says is read as it comes.
type stream struct {
	t *testing.T
	*bufio.Reader
}

func (s *server) stream(id, command string) *stream {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"command": command})
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.address+"/sandboxes/"+id+"/port/44772/command", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{s.t, bufio.NewReader(res.Body)}
}

func (s *stream) await(text string) {
	s.t.Helper()
	for {
		line, err := s.ReadString('\n')
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			s.t.Fatalf("the stream ended before %q: %v", text, err)
		}
	}
}

// A command whose output is being read when the server is told to end goes on
// to its end; nothing new is begun.
func TestRequestsInProgressAreFinished(t *testing.T) {
	s := newServer(t)
	manage := s.managed("--drain-timeout", "60s")
	id := s.create(dockertest.Debian, "sleep", "infinity")
	s.await(id, "Running")
	events := s.stream(id, "echo begun; while [ ! -e /go ]; do sleep 0.05; done; echo finished")
	events.await("begun")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it says that it is about to end", func() bool {
		status, _ := fetch(t, "http://"+manage+"/readyz")
		return status == 503
	})
	// Behind the server's back, which takes no more requests.
	touch, err := s.engine.ContainerExecCreate(t.Context(), "opensandbox-"+id, container.ExecOptions{Cmd: []string{"touch", "/go"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.engine.ContainerExecStart(t.Context(), touch.ID, container.ExecStartOptions{}); err != nil {
		t.Fatal(err)
	}
	events.await("finished")
	if _, err := io.ReadAll(events); err != nil {
		t.Errorf("the end of the stream: %v", err)
	}
	if code := s.end(syscall.Signal(0)); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

// What goes on for longer than the drain timeout does not keep the server.
func TestRequestsWithoutEndAreBrokenOff(t *testing.T) {
	s := newServer(t)
	s.end(syscall.SIGTERM)
	s.start("--drain-timeout", "200ms")
	id := s.create(dockertest.Debian, "sleep", "infinity")
	s.await(id, "Running")
	events := s.stream(id, "echo begun; sleep 600")
	events.await("begun")
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if _, err := io.ReadAll(events); err == nil {
		t.Error("a stream that was broken off looks complete")
	}
	if !strings.Contains(s.log.String(), "requests were broken off") {
		t.Error("the log does not say so")
	}
	s.start()
	s.await(id, "Running")
}

// What a server made and its state has lost is removed, and nothing else.
func TestGCRemovesWhatNobodyKnows(t *testing.T) {
	s := newServer(t)
	lost, kept := s.create(dockertest.Debian, "sleep", "infinity"), s.create(dockertest.Debian, "sleep", "infinity")
	s.await(lost, "Running")
	s.await(kept, "Running")
	gc := func(flags ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"gc", "--state", s.state, "--execd", dockertest.Execd(t)}, flags...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := gc(); err == nil || !strings.Contains(out, "in use by another server") {
		t.Errorf("while the server runs: %s, %v", out, err)
	}
	s.end(syscall.SIGKILL)
	forget(t, s.state, lost)
	if out, err := gc("--dry-run"); err != nil || !strings.Contains(out, "would remove "+lost) || strings.Contains(out, kept) {
		t.Errorf("dry run: %s, %v", out, err)
	}
	if n := len(s.containers(t.Context())); n != 2 {
		t.Errorf("after the dry run there are %d containers, want 2", n)
	}
	if out, err := gc(); err != nil || !strings.Contains(out, "removed "+lost) || strings.Contains(out, kept) {
		t.Errorf("%s, %v", out, err)
	}
	if n := len(s.containers(t.Context())); n != 1 {
		t.Errorf("%d containers are left, want 1", n)
	}
	s.start()
	s.await(kept, "Running")
}

func forget(t *testing.T, dir, id string) {
	t.Helper()
	rows, err := store.Open(context.WithoutCancel(t.Context()), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
}

// A container that is frozen or goes away behind the server's back is an error with a body, within a bound, and never
// an open end.
func TestAContainerThatIsFrozenOrGone(t *testing.T) {
	s := newServer(t)
	s.end(syscall.SIGTERM)
	s.start("--service-timeout", "500ms")
	id := s.create(dockertest.Debian, "sleep", "infinity")
	s.await(id, "Running")
	ping := "/sandboxes/" + id + "/port/44772/ping"
	if status, body := s.do("GET", ping, ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := s.engine.ContainerPause(t.Context(), "opensandbox-"+id); err != nil {
		t.Fatal(err)
	}
	// 503 where the server has heard of it already.
	if status, body := s.do("GET", ping, ""); status != 504 && status != 503 || !strings.Contains(string(body), `"code"`) {
		t.Errorf("frozen: %d %s", status, body)
	}
	if err := s.engine.ContainerUnpause(t.Context(), "opensandbox-"+id); err != nil {
		t.Fatal(err)
	}
	if err := s.engine.ContainerRemove(t.Context(), "opensandbox-"+id, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is answered 502", func() bool {
		status, body := s.do("GET", ping, "")
		if status < 502 || status > 504 || !strings.Contains(string(body), `"code"`) {
			t.Fatalf("gone: %d %s", status, body)
		}
		return status == 502
	})
}
