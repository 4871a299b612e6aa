package session_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// server runs in sessions as the daemon does.
type server struct {
	*testing.T
	manager *session.Manager
	http    *httptest.Server
	mark    string // of processes
}

// newServer makes one whose shell has that name and no other; "": the first that there is.
func newServer(t *testing.T, shell string) *server {
	t.Helper()
	path := os.Getenv("PATH")
	if shell != "" {
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Skipf("SKIPPED: there is no %s here", shell)
		}
		dir := t.TempDir() // comes before /bin, and bash is the name that is looked for first
		start := "#!/bin/sh\nexec " + program + " \"$@\"\n"
		if shell == "busybox" {
			start = "#!/bin/sh\nexec " + program + " sh \"$@\"\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "start"), []byte(start), 0o700); err != nil {
			t.Fatal(err)
		}
		// cp writes it, which no child of this process has open then: it would be busy.
		if out, err := exec.Command("cp", filepath.Join(dir, "start"), filepath.Join(dir, "bash")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		path = dir + ":" + path
	}
	s := &server{T: t, manager: session.NewManager(session.Config{Env: []string{"PATH=" + path, "EXECD_TOKEN=x"}, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var spec session.Spec
		if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
			t.Error(err)
		}
		run, err := s.manager.Run(r.URL.Path[1:], spec)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := stream.NewWriter(r.Context(), w)
		defer out.Close()
		run.Stream(r.Context(), out)
	}))
	t.Cleanup(func() {
		s.manager.Close()
		s.http.Client().CloseIdleConnections()
		s.http.Close()
	})
	return s
}

func (s *server) create(dir string) string {
	s.Helper()
	id, err := s.manager.Create(dir)
	if err != nil {
		s.Fatal(err)
	}
	return id
}

func (s *server) open(ctx context.Context, id string, spec session.Spec) *http.Response {
	s.Helper()
	body, _ := json.Marshal(spec)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http.URL+"/"+id, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	return res
}

// run gives what a run wrote to both outputs, a line each, and "ok" or its evalue.
func (s *server) run(id string, spec session.Spec) (texts []string, end string) {
	s.Helper()
	res := s.open(s.Context(), id, spec)
	defer res.Body.Close()
	in := bufio.NewReaderSize(res.Body, 1<<20)
	for n := 0; ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if end == "" {
				s.Errorf("%s: it has no end", spec.Command)
			}
			return texts, end
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var e struct {
			Type, Text string
			Error      struct {
				Ename, Evalue string
				Traceback     []string
			}
		}
		if err := json.Unmarshal(data, &e); err != nil {
			s.Fatal(err)
		}
		switch {
		case (n == 0) != (e.Type == "init") || end != "" || n == 0 && e.Text != id:
			s.Errorf("event %d: %s", n, data)
		case e.Type == "stdout" || e.Type == "stderr":
			texts = append(texts, e.Type[3:]+":"+e.Text)
		case e.Type == "execution_complete":
			end = "ok"
		case e.Type == "error":
			if end = e.Error.Evalue; e.Error.Ename != "CommandExecError" || len(e.Error.Traceback) == 0 {
				s.Errorf("error event: %s", data)
			}
		}
		n++
	}
}

// expect runs a command and compares.
func (s *server) expect(id, command, end string, texts ...string) {
	s.Helper()
	got, gotEnd := s.run(id, session.Spec{Command: command})
	if diff := cmp.Diff(texts, got); diff != "" || gotEnd != end {
		s.Errorf("%s: ended %q, want %q; -want +got:\n%s", command, gotEnd, end, diff)
	}
}

// eachShell runs a test with each kind of shell; mark tells the processes of one from those of the others.
func eachShell(t *testing.T, f func(t *testing.T, s *server)) {
	for i, name := range []string{"bash", "dash", "busybox"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, name)
			s.mark = fmt.Sprint(4721 + i)
			f(t, s)
		})
	}
}
