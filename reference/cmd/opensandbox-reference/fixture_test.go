package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

const key = "the-key"

func binary(t *testing.T) string { return dockertest.Build(t, "reference/cmd/opensandbox-reference") }

// log collects what a process writes.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// server is a server's process over the machine's Docker engine. It can be
// ended and started again on the same state.
type server struct {
	t      *testing.T
	engine *client.Client
	state  string
	log    log

	cmd     *exec.Cmd
	address string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, engine: dockertest.Engine(t), state: filepath.Join(t.TempDir(), "state")}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.end(os.Interrupt)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		for _, c := range s.containers(ctx) {
			_ = s.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		}
		if t.Failed() {
			for line := range strings.Lines(s.log.String()) {
				if !strings.Contains(line, "msg=request") {
					t.Log(line)
				}
			}
		}
	})
	s.start()
	return s
}

func (s *server) start(flags ...string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "address")
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--state", s.state, "--execd", dockertest.Execd(s.t), "--address-file", file}, flags...)
	s.cmd = exec.Command(binary(s.t), args...)
	s.cmd.Env = append(os.Environ(), "OPENSANDBOX_API_KEY="+key)
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the server listens", func() bool {
		address, err := os.ReadFile(file)
		s.address = strings.TrimSpace(string(address))
		return err == nil
	})
}

// end sends a signal and returns the exit status.
func (s *server) end(signal os.Signal) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait()
	code := s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	return code
}

func (s *server) containers(ctx context.Context) []container.Summary {
	instance, err := os.ReadFile(filepath.Join(s.state, "instance"))
	if err != nil {
		s.t.Error(err)
		return nil
	}
	list, err := s.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", "io.opensandbox.instance="+strings.TrimSpace(string(instance))))})
	if err != nil {
		s.t.Error(err)
	}
	return list
}

// eventually waits for something that another process does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (s *server) do(method, path, body string) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.HasPrefix(path, "/v1/") {
		req.Header.Set("OPEN-SANDBOX-API-KEY", key)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, answer
}

type box struct {
	ID     string
	Status struct{ State, Reason, Message string }
}

func (s *server) create(image string, entrypoint ...string) string {
	s.t.Helper()
	program, _ := json.Marshal(entrypoint)
	status, body := s.do("POST", "/v1/sandboxes", fmt.Sprintf(
		`{"image":{"uri":%q},"timeout":600,"resourceLimits":{"memory":"256Mi"},"env":{"FROM_CREATE":"yes"},"entrypoint":%s}`, image, program))
	var b box
	if err := json.Unmarshal(body, &b); status != 202 || err != nil {
		s.t.Fatalf("create: %d %s", status, body)
	}
	return b.ID
}

func (s *server) await(id, state string) box {
	s.t.Helper()
	var b box
	eventually(s.t, id+" is "+state, func() bool {
		status, body := s.do("GET", "/v1/sandboxes/"+id, "")
		if err := json.Unmarshal(body, &b); status != 200 || err != nil {
			s.t.Fatalf("get: %d %s", status, body)
		}
		if b.Status.State == "Failed" && state != "Failed" {
			s.t.Fatalf("it is %+v, want %s", b.Status, state)
		}
		return b.Status.State == state
	})
	return b
}

// run runs a command in a sandbox through the gateway and returns its event
// stream.
func (s *server) run(id, command string) string {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"command": command})
	status, events := s.do("POST", "/sandboxes/"+id+"/port/44772/command", string(body))
	if status != 200 {
		s.t.Fatalf("run %s: %d %s", command, status, events)
	}
	return string(events)
}
