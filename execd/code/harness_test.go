package code_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/driver"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type event struct {
	Type    string            `json:"type"`
	Text    string            `json:"text"`
	Count   int               `json:"execution_count"`
	Results map[string]string `json:"results"`
	Time    *int64            `json:"execution_time"`
	Err     *struct {
		Ename, Evalue string
		Traceback     []string
	} `json:"error"`
}

// server runs code in the context whose id is the path, as the daemon does.
type server struct {
	t       testing.TB
	manager *code.Manager
	http    *httptest.Server
}

func newServer(t testing.TB, env ...string) *server {
	t.Helper()
	env = append(os.Environ(), env...)
	s := &server{t: t, manager: code.NewManager(code.Config{Languages: func() []code.Language { return driver.Languages(env) }})}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.manager.Get(r.URL.Path[1:])
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		text, _ := io.ReadAll(r.Body)
		out := stream.NewWriter(r.Context(), w)
		defer out.Close()
		c.Run(r.Context(), string(text), out)
	}))
	t.Cleanup(func() {
		s.manager.Close()
		s.http.Client().CloseIdleConnections()
		s.http.Close()
	})
	return s
}

// create makes a context; a test of a language that this machine lacks is skipped.
func (s *server) create(language string) *code.Context {
	s.t.Helper()
	c, err := s.manager.Create(s.t.Context(), language)
	if err != nil && strings.Contains(err.Error(), "no interpreter") {
		s.t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// following is the stream of a run.
type following struct {
	t      testing.TB
	in     *bufio.Reader
	cancel context.CancelFunc
	count  int // from execution_count
}

func (s *server) open(c *code.Context, text string) *following {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http.URL+"/"+c.ID, strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("status %d", res.StatusCode)
	}
	return &following{t: s.t, in: bufio.NewReaderSize(res.Body, 1<<20), cancel: cancel}
}

// next is the next event, nil at the end of the stream.
func (f *following) next() *event {
	f.t.Helper()
	for {
		line, err := f.in.ReadBytes('\n')
		if err != nil {
			return nil
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			e := &event{}
			if err := json.Unmarshal(data, e); err != nil {
				f.t.Fatal(err)
			}
			f.count = max(f.count, e.Count)
			return e
		}
	}
}

// until reads on to an event with that text.
func (f *following) until(text string) {
	f.t.Helper()
	for e := f.next(); e == nil || e.Text != text; e = f.next() {
		if e == nil || e.Time != nil || e.Err != nil {
			f.t.Fatalf("the stream ended before %q: %+v", text, e)
		}
	}
}

// outcome is what came of a run.
type outcome struct {
	out, err string // lines
	results  []map[string]string
	count    int
	status   []string
	events   []string // types, in order
	failure  string   // "NAME: VALUE"; "": it went well
	trace    string
}

func (f *following) rest() outcome {
	f.t.Helper()
	var o outcome
	for e := f.next(); e != nil; e = f.next() {
		o.events = append(o.events, e.Type)
		switch e.Type {
		case "stdout":
			o.out += strings.TrimSuffix(e.Text, "\n") + "\n"
		case "stderr":
			o.err += strings.TrimSuffix(e.Text, "\n") + "\n"
		case "result":
			if f.count == 0 {
				f.t.Error("a result before the execution count")
			}
			o.results = append(o.results, e.Results)
		case "status":
			o.status = append(o.status, e.Text)
		case "error":
			o.failure = e.Err.Ename + ": " + e.Err.Evalue
			o.trace = strings.Join(e.Err.Traceback, "\n")
			if o.trace == "" {
				f.t.Error("no traceback")
			}
		}
	}
	o.count = f.count
	if n := len(o.events); n == 0 || o.events[n-1] != "execution_complete" && o.events[n-1] != "error" {
		f.t.Errorf("no terminal event in %v", o.events)
	}
	return o
}

// run runs code to its end.
func (s *server) run(c *code.Context, text string) outcome {
	s.t.Helper()
	f := s.open(c, text)
	if e := f.next(); e == nil || e.Type != "init" || e.Text != c.ID {
		s.t.Fatalf("first event %+v", e)
	}
	return f.rest()
}

// well runs code that must go well, and gives the plain text of its last result, or "".
func (s *server) well(c *code.Context, text string) string {
	s.t.Helper()
	o := s.run(c, text)
	if o.failure != "" {
		s.t.Fatalf("%s: %s\n%s", text, o.failure, o.trace)
	}
	if len(o.results) == 0 {
		return ""
	}
	return o.results[len(o.results)-1]["text/plain"]
}
