package command_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type event struct {
	Type string `json:"type"`
	Text string `json:"text"`
	Time *int64 `json:"execution_time"`
	Err  *struct {
		Ename, Evalue string
		Traceback     []string
	} `json:"error"`
	at time.Duration // after the request
}

// server runs every spec that it is sent by its index, as the daemon does.
type server struct {
	t       *testing.T
	manager *command.Manager
	http    *httptest.Server
	specs   chan command.Spec
}

func newServer(t *testing.T, env ...string) *server {
	t.Helper()
	return serverWith(t, command.Config{Env: append(env, "PATH="+os.Getenv("PATH"))})
}

func serverWith(t *testing.T, c command.Config) *server {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	s := &server{t: t, manager: command.NewManager(c), specs: make(chan command.Spec, 1)}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.manager.Start(<-s.specs)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := stream.NewWriter(r.Context(), w)
		defer out.Close()
		c.Stream(r.Context(), out)
	}))
	t.Cleanup(func() {
		s.manager.Close()
		s.http.Close()
		s.http.Client().CloseIdleConnections()
	})
	return s
}

// open starts a command and gives its stream.
func (s *server) open(ctx context.Context, spec command.Spec) *http.Response {
	s.t.Helper()
	s.specs <- spec
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http.URL, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

// run runs a command to its end and gives all events.
func (s *server) run(spec command.Spec) []event {
	s.t.Helper()
	start := time.Now()
	res := s.open(s.t.Context(), spec)
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: status %d", spec.Command, res.StatusCode)
	}
	var events []event
	in := bufio.NewReaderSize(res.Body, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return events
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			e := event{at: time.Since(start)}
			if err := json.Unmarshal(data, &e); err != nil {
				s.t.Fatal(err)
			}
			events = append(events, e)
		}
	}
}

// outcome checks the frame of init and terminal event, and gives what was between: "out:…" and "err:…".
// The end is "ok" or the evalue.
func outcome(t *testing.T, events []event) (texts []string, end string) {
	t.Helper()
	if len(events) < 2 || events[0].Type != "init" || events[0].Text == "" {
		t.Fatalf("no init and end in %+v", events)
	}
	for _, e := range events[1 : len(events)-1] {
		switch e.Type {
		case "stdout", "stderr":
			texts = append(texts, e.Type[3:]+":"+e.Text)
		default:
			t.Errorf("event %q between init and end", e.Type)
		}
	}
	last := events[len(events)-1]
	switch {
	case last.Type == "execution_complete" && last.Time != nil:
		return texts, "ok"
	case last.Type == "error" && last.Err.Ename == "CommandExecError" && len(last.Err.Traceback) > 0:
		return texts, last.Err.Evalue
	}
	t.Errorf("terminal event %+v", last)
	return texts, ""
}
