package steps

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func (w *World) auth(s *register) {
	s.step(`the answer is 401, or the daemon is open to anyone`, w.openToAnyone)
	s.step(`every operation is answered 401 without the key and with a wrong one`, w.everyOperation)
	s.step(`a request without the key and with a broken body is answered 401 with an error body`, w.keyFirst)
}

// openToAnyone is a warning, and ends a scenario about tokens: there is none. An endpoint may lead through a proxy that
// supplies the token; then the daemon is asked from inside the sandbox.
func (w *World) openToAnyone(ctx context.Context) error {
	if _, err := w.execd(ctx); err != nil {
		return err
	}
	if w.last.Status == http.StatusUnauthorized {
		return w.check(true, "", "", "")
	}
	if w.last.Status == http.StatusOK && w.Target.Bare == nil {
		said, err := w.fromInside(ctx, w.ping())
		if err != nil {
			return err
		}
		w.inward = true
		if said[0] == http.StatusUnauthorized {
			return w.check(true, "", "", "")
		}
	}
	if w.last.Status != http.StatusOK {
		return nil // another refusal: which, is for the checks that follow
	}
	if err := w.check(false, "the daemon serves anyone who reaches it", "401 without the token", w.answer()); err != nil {
		return err
	}
	if w.inside.Headers.Get(w.inside.Document.KeyHeader()) == "" {
		return &Skip{"the daemon has no token"}
	}
	return nil
}

// everyOperation sends each operation of the API without the key and with a wrong one. Where an operation is not
// offered its status says nothing about keys.
func (w *World) everyOperation(ctx context.Context) error {
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	if c.Headers.Get(c.Document.KeyHeader()) == "" && c.Document.Name == spec.LifecycleFile {
		return &Skip{"the run was given no API key"}
	}
	for _, op := range c.Document.Operations {
		for _, id := range w.ids(op) {
			for _, how := range []string{"without the key", "with a wrong key"} {
				r := w.harmless(op, id)
				r.Drop = []string{c.Document.KeyHeader()}
				if how == "with a wrong key" {
					r.Header.Set(c.Document.KeyHeader(), "osc-wrong-key")
				}
				x, err := w.ask(ctx, c, r)
				if err != nil {
					return err
				}
				if judge.NotOffered(x) && !w.offered(ctx, c, op) {
					continue
				}
				if err := w.check(x.Status == http.StatusUnauthorized, op.String()+" is answered "+how, "401", answered(x)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ask makes a request: at the endpoint, or from inside the sandbox where the endpoint supplies the token.
func (w *World) ask(ctx context.Context, c *judge.Client, r judge.Request) (*exchange.Exchange, error) {
	if !w.inward {
		return w.do(ctx, c, r)
	}
	said, err := w.fromInside(ctx, r)
	if err != nil {
		return nil, err
	}
	w.last = &exchange.Exchange{
		Document: c.Document, Operation: r.Operation, Scenario: w.Scenario, Method: r.Operation.Method,
		URL: fmt.Sprintf("http://127.0.0.1:%d%s", execdPort, r.Operation.Path), RequestHeader: r.Header, RequestBody: r.Body,
		Proto: "HTTP/1.1", Status: said[0],
	}
	return w.last, nil
}

func (w *World) ping() judge.Request {
	return judge.Request{Operation: w.Target.ExecdDocument.Operation("ping"), Header: http.Header{}}
}

// ids are the values that the operation's path is tried with: a sandbox that is there, and one that is not.
func (w *World) ids(op *spec.Operation) []string {
	if !strings.Contains(op.Path, "{sandboxId}") {
		return []string{""}
	}
	ids := []string{unknownID()}
	if box, err := w.box(); err == nil {
		ids = append(ids, box.ID)
	}
	return ids
}

// harmless is a request that changes nothing, also where the key is not asked for: it names what is not there, or
// lacks what is required.
func (w *World) harmless(op *spec.Operation, id string) judge.Request {
	if id == "" {
		id = unknownID()
	}
	path := map[string]string{}
	for _, p := range op.Parameters {
		if p.Value.In == "path" {
			path[p.Value.Name] = id
		}
	}
	if _, there := path["port"]; there {
		path["port"] = fmt.Sprint(execdPort)
	}
	r := judge.Request{Operation: op, Path: path, Header: http.Header{}, Limit: 5 * time.Second}
	if op.Must.RequestBody != nil {
		r.Body = []byte("{}")
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// offered asks with the key. On the scenario's own sandbox an operation that is there answers something else than 404;
// where an operation names what is not there, nobody can tell, and it counts as not offered.
func (w *World) offered(ctx context.Context, c *judge.Client, op *spec.Operation) bool {
	id := ""
	if box, err := w.box(); err == nil && strings.Contains(op.Path, "{sandboxId}") {
		if op.Method == http.MethodDelete {
			return true // asking would delete it
		}
		id = box.ID
	}
	last := w.last
	defer func() { w.last = last }()
	x, err := w.do(ctx, c, w.harmless(op, id))
	return err == nil && !judge.NotOffered(x)
}

// Sound asks whether operations are there at all, by requests that change nothing; the answers are not judged.
func (t *Target) Sound(ctx context.Context, operations []*spec.Operation) {
	for _, op := range operations {
		w := NewWorld(t, "whether an operation is offered", nil)
		c := t.Lifecycle
		if op.Document.Name == spec.ExecdFile {
			var err error
			if c, err = t.Execd(); err != nil {
				return
			}
		}
		r := w.harmless(op, "")
		r.Rough = true
		if x, err := w.do(ctx, c, r); err == nil && x.Answer() {
			t.Book.Ballot.Exchange(op.String(), true, !judge.NotOffered(x))
		}
	}
}

// keyFirst sends a body that can't be read without the key: whoever looks at the key first answers 401.
func (w *World) keyFirst(ctx context.Context) error {
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	header := c.Document.KeyHeader()
	for _, op := range c.Document.Operations {
		if op.Method != http.MethodPost || op.Must.RequestBody == nil || op.Capability != spec.Core {
			continue
		}
		r := w.harmless(op, "")
		r.Drop, r.Body = []string{header}, []byte(`{"broken`)
		x, err := w.ask(ctx, c, r)
		if err != nil {
			return err
		}
		if judge.NotOffered(x) && !w.offered(ctx, c, op) {
			continue
		}
		if err := w.unauthorized(x); err != nil {
			return err
		}
	}
	if c.Document.Name == spec.LifecycleFile {
		if err := w.keyBeforeRoute(ctx, c); err != nil {
			return err
		}
	}
	return w.keyBeforeBody(ctx)
}

// keyBeforeRoute sends requests that are refused for something else too.
func (w *World) keyBeforeRoute(ctx context.Context, c *judge.Client) error {
	list := c.Document.Operation("listSandboxes")
	for _, r := range []judge.Request{
		{Operation: list, Query: "page=0"},
		{Method: http.MethodPut, RawPath: list.Path},
	} {
		r.Drop = []string{c.Document.KeyHeader()}
		x, err := w.do(ctx, c, r)
		if err != nil {
			return err
		}
		if err := w.unauthorized(x); err != nil {
			return err
		}
	}
	return nil
}

// keyBeforeBody sends the first part of a body, without the key, and holds the rest back: whoever looks at the key
// before the body answers all the same.
func (w *World) keyBeforeBody(ctx context.Context) error {
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	if w.inward {
		return nil // what stands between may read bodies whole
	}
	id := "runCommand"
	if c.Document.Name == spec.LifecycleFile {
		id = "createSandbox"
	}
	r := w.harmless(c.Document.Operation(id), "")
	held, hold := io.Pipe()
	go func() { _, _ = hold.Write([]byte("{")) }() // ends when held is closed
	defer func() { _ = held.Close() }()
	// The transport waits for a read of the body also where the server has hung up.
	limited, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	defer context.AfterFunc(limited, func() { _ = hold.CloseWithError(errEnough) })()
	r.Drop, r.Body, r.BodyFrom = []string{c.Document.KeyHeader()}, nil, held
	x, err := w.do(ctx, c, r)
	if err != nil {
		return err
	}
	if judge.NotOffered(x) && !w.offered(ctx, c, r.Operation) {
		return nil
	}
	w.last = x
	return w.check(x.Status == http.StatusUnauthorized, "the body is read before the key is looked at",
		"401 within "+r.Limit.String()+", while the body is still on its way", answered(x))
}

func (w *World) unauthorized(x *exchange.Exchange) error {
	if err := w.check(x.Status == http.StatusUnauthorized, "something else is looked at before the key", "401", answered(x)); err != nil {
		return err
	}
	if x.Status != http.StatusUnauthorized || w.inward {
		return nil // from inside only the status is seen
	}
	o := body(x)
	return w.check(o.text("code") != "" && o.text("message") != "", "the 401 has no error body", "JSON with code and message", quoted(string(x.Body)))
}
