package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// executions is what a mutant knows of the commands and sessions of its daemon, from watching the requests.
type executions struct {
	mu   sync.Mutex
	next http.Handler
	all  []*execution
	open map[string]bool // sessions
}

type execution struct {
	id         string
	request    map[string]any
	began      time.Time
	told       time.Time // when its stream told its end; zero before, and in the background of no use
	interrupts int
}

// about is a question about one command.
type about func(x *executions, e *execution) bool

func newExecutions() *executions { return &executions{open: map[string]bool{}} }

// watch stands before the daemon and changes nothing.
func (x *executions) watch(next http.Handler, _ func()) http.Handler {
	x.mu.Lock()
	x.next = next
	x.mu.Unlock()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := sessionInPath.FindStringSubmatch(r.URL.Path)
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/command" && r.Header.Get(tokenHeader) == token: // else the body may never come
			w = x.begins(w, r)
		case r.Method == http.MethodDelete && r.URL.Path == "/command":
			x.change(r.URL.Query().Get("id"), func(e *execution) { e.interrupts++ })
		case r.Method == http.MethodPost && r.URL.Path == "/session":
			w = &overheard{ResponseWriter: w, heard: x.opened}
		case r.Method == http.MethodDelete && session != nil:
			x.mu.Lock()
			delete(x.open, session[1])
			x.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

func (x *executions) begins(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	e := &execution{began: time.Now()}
	if json.Unmarshal(takeBody(r), &e.request) != nil {
		return w
	}
	return &overheard{ResponseWriter: w, heard: func(event map[string]any) {
		x.mu.Lock()
		defer x.mu.Unlock()
		switch event["type"] {
		case "init":
			if e.id, _ = event["text"].(string); e.id != "" {
				x.all = append(x.all, e)
			}
		case "error", "execution_complete":
			e.told = time.Now()
		}
	}}
}

func (x *executions) opened(answer map[string]any) {
	if id, ok := answer["session_id"].(string); ok {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.open[id] = true
	}
}

func (x *executions) change(id string, change func(e *execution)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.all {
		if e.id == id {
			change(e)
		}
	}
}

// find is a copy of what is known of a command; nil for one that is not.
func (x *executions) find(id string) *execution {
	var found *execution
	x.change(id, func(e *execution) {
		seen := *e
		found = &seen
	})
	return found
}

// newest is the id of the command that began last.
func (x *executions) newest() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.all) == 0 {
		return ""
	}
	return x.all[len(x.all)-1].id
}

// ask gives what the daemon itself answers.
func (x *executions) ask(method, path string, body []byte) *httptest.ResponseRecorder {
	x.mu.Lock()
	next := x.next
	x.mu.Unlock()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set(tokenHeader, token)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	return rec
}

// answer is a JSON object that the daemon answers; nil for none.
func (x *executions) answer(path, id string) map[string]any {
	var object map[string]any
	if json.Unmarshal(x.ask(http.MethodGet, path+url.PathEscape(id), nil).Body.Bytes(), &object) != nil {
		return nil
	}
	return object
}

// those narrows an operation to the commands that all tests are true of.
func (x *executions) those(op mutant.Match, tests ...about) mutant.Match {
	return op.Where(func(r *http.Request) bool {
		e := x.find(askedID(r))
		if e == nil {
			return false
		}
		for _, test := range tests {
			if !test(x, e) {
				return false
			}
		}
		return true
	})
}

// strangers narrows an operation to ids that no command has.
func (x *executions) strangers(op mutant.Match) mutant.Match {
	return op.Where(func(r *http.Request) bool { return x.find(askedID(r)) == nil })
}

// isOpen tells the requests of sessions that were opened and not closed.
func (x *executions) isOpen(r *http.Request) bool {
	id := sessionInPath.FindStringSubmatch(r.URL.Path)
	x.mu.Lock()
	defer x.mu.Unlock()
	return id != nil && x.open[id[1]]
}

var (
	sessionInPath = regexp.MustCompile(`/session/([^/]+)(?:/run)?$`)
	commandInPath = regexp.MustCompile(`/command/(?:(?:status|output)/([^/]+)|([^/]+)/logs)$`)
)

// askedID is the id of the command that a request is about; empty for none.
func askedID(r *http.Request) string {
	if found := commandInPath.FindStringSubmatch(r.URL.Path); found != nil {
		return found[1] + found[2]
	}
	return r.URL.Query().Get("id")
}

func inBackground(_ *executions, e *execution) bool { return e.request["background"] == true }

func inForeground(_ *executions, e *execution) bool { return e.request["background"] != true }

func running(x *executions, e *execution) bool {
	return x.answer("/command/status/", e.id)["running"] == true
}

func over(x *executions, e *execution) bool { return !running(x, e) }

func older(x *executions, e *execution) bool { return e.id != x.newest() }

// overheard hears the JSON objects of an answer, a body or events, before its client does.
type overheard struct {
	http.ResponseWriter
	heard func(map[string]any)
	came  []byte
}

func (o *overheard) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *overheard) Write(b []byte) (int, error) {
	o.came = append(o.came, b...)
	for {
		line, rest, whole := bytes.Cut(o.came, []byte("\n"))
		var object map[string]any
		known := json.Unmarshal(bytes.TrimPrefix(line, []byte("data:")), &object) == nil
		if known {
			o.heard(object)
		}
		if !whole {
			if known {
				o.came = nil
			}
			return o.ResponseWriter.Write(b)
		}
		o.came = rest
	}
}
