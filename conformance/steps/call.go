package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func (w *World) calls(s *register) {
	s.step(`I call (\w+)`, func(ctx context.Context, id string) error { return w.call(ctx, id, judge.Request{}) })
	s.step(`I call (\w+) with`, func(ctx context.Context, id string, doc *godog.DocString) error {
		return w.callWith(ctx, id, w.expand(doc.Content), nil)
	})
	s.step(`I call (\w+) with the query "([^"]*)"`, func(ctx context.Context, id, query string) error {
		return w.call(ctx, id, judge.Request{Query: w.expand(query)})
	})
	s.step(`I call (\w+) for "([^"]*)"`, func(ctx context.Context, id, value string) error {
		return w.call(ctx, id, judge.Request{Path: w.fill(id, value)})
	})
	s.step(`I call (\w+) for "([^"]*)" with the query "([^"]*)"`, func(ctx context.Context, id, value, query string) error {
		return w.call(ctx, id, judge.Request{Path: w.fill(id, value), Query: w.expand(query)})
	})
	s.step(`I call (\w+) for "([^"]*)" with`, func(ctx context.Context, id, value string, doc *godog.DocString) error {
		return w.callWith(ctx, id, w.expand(doc.Content), w.fill(id, value))
	})
	s.step(`I call (\w+) without the key`, func(ctx context.Context, id string) error {
		_, c, err := w.operation(ctx, id)
		if err != nil {
			return err
		}
		return w.call(ctx, id, judge.Request{Drop: []string{c.Document.KeyHeader()}})
	})
	s.step(`I call (\w+) with a wrong key`, func(ctx context.Context, id string) error {
		_, c, err := w.operation(ctx, id)
		if err != nil {
			return err
		}
		header := c.Document.KeyHeader()
		return w.call(ctx, id, judge.Request{Drop: []string{header}, Header: http.Header{header: {"osc-wrong-key"}}})
	})
	s.step(`the answer is no 5xx`, func(context.Context) error {
		kept := w.last.Answer() && (w.last.Status < 500 || w.last.Status == http.StatusNotImplemented)
		return w.check(kept, "a mistake of the caller is answered with a 5xx", "a 4xx", w.answer())
	})
	s.step(`I call (\w+) for an unknown sandbox`, func(ctx context.Context, id string) error {
		return w.call(ctx, id, judge.Request{Path: map[string]string{"sandboxId": unknownID()}})
	})
	s.step(`I call (\w+) for an unknown sandbox with`, func(ctx context.Context, id string, doc *godog.DocString) error {
		return w.callWith(ctx, id, w.expand(doc.Content), map[string]string{"sandboxId": unknownID()})
	})
	s.step(`I send GET to an unknown path`, func(ctx context.Context) error {
		c, err := w.plane(ctx)
		if err != nil {
			return err
		}
		_, err = w.do(ctx, c, judge.Request{Method: http.MethodGet, RawPath: "/no-such-path-" + uuid.NewString()})
		return err
	})
	s.step(`I send a method that its path does not have`, w.wrongMethod)

	s.step(`the answer is (\d+)(?: or (\d+))?(?: or (\d+))?`, func(_ context.Context, a, b, c string) error {
		return w.status(a, b, c)
	})
	s.step(`the answer is (\d+) with an error body`, func(_ context.Context, status string) error {
		if err := w.status(status); err != nil {
			return err
		}
		return w.errorBody()
	})
	s.step(`the answer is no success`, func(context.Context) error {
		return w.check(w.last.Answer() && !w.last.OK(), "the request was carried out", "a status of 400 or more", w.answer())
	})
	s.step(`the answer has the header ([\w-]+): (.*)`, func(_ context.Context, name, value string) error {
		got := strings.Join(w.last.Header.Values(name), ", ")
		return w.check(got == value, "the header "+name+" is not as it must be", name+": "+value, name+": "+got)
	})
	s.step(`a 405 carries the header Allow, with the methods that the path has`, w.allow)
	s.step(`the answer took at most (\d+) ms`, func(_ context.Context, most int) error {
		took := w.last.Ended.Sub(w.last.Began)
		return w.check(took <= time.Duration(most)*time.Millisecond, "it took too long",
			fmt.Sprintf("at most %d ms", most), fmt.Sprintf("%d ms", took.Milliseconds()))
	})
	s.step(`(\w+) refuses each of these with 400`, func(ctx context.Context, id string, table *godog.Table) error {
		return w.refuses(ctx, id, nil, table)
	})
	s.step(`(\w+) for "([^"]*)" refuses each of these with 400`, func(ctx context.Context, id, value string, table *godog.Table) error {
		return w.refuses(ctx, id, w.fill(id, value), table)
	})
	s.step(`none of these mistakes is answered with a 5xx`, w.mistakes)
}

// call makes a request for an operation, on this scenario's sandbox where it takes one.
func (w *World) call(ctx context.Context, id string, r judge.Request) error {
	op, c, err := w.operation(ctx, id)
	if err != nil {
		return err
	}
	r.Operation = op
	if r.Path == nil && strings.Contains(op.Path, "{sandboxId}") {
		box, err := w.box()
		if err != nil {
			return err
		}
		r.Path = map[string]string{"sandboxId": box.ID}
	}
	if executes(op) {
		return w.execute(ctx, c, r)
	}
	_, err = w.do(ctx, c, r)
	return err
}

// executes says whether the answer of an operation is the stream of an execution.
func executes(op *spec.Operation) bool { return op.Must.Extensions[spec.ExtEventSequence] != nil }

// fill gives every path parameter of an operation the same value.
func (w *World) fill(id, value string) map[string]string {
	op := w.Target.Lifecycle.Document.Operation(id)
	if op == nil {
		op = w.Target.ExecdDocument.Operation(id)
	}
	path := map[string]string{}
	if op != nil {
		for _, p := range op.Parameters {
			if p.Value.In == "path" {
				path[p.Value.Name] = w.expand(value)
			}
		}
	}
	return path
}

func (w *World) callWith(ctx context.Context, id, text string, path map[string]string) error {
	fields := map[string]any{}
	_ = json.Unmarshal([]byte(text), &fields) // a body that is meant to be broken has no fields
	return w.call(ctx, id, judge.Request{
		Path: path, Body: []byte(text), Fields: fields, Header: http.Header{"Content-Type": {"application/json"}},
	})
}

// plane is the API that the scenario's own requirements are about.
func (w *World) plane(ctx context.Context) (*judge.Client, error) {
	if len(w.Rows) > 0 && strings.HasPrefix(w.Rows[0], "LC") {
		return w.Target.Lifecycle, nil
	}
	return w.execd(ctx)
}

func (w *World) wrongMethod(ctx context.Context) error {
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	path := "/ping"
	if c.Document.Name == spec.LifecycleFile {
		path = "/sandboxes"
	}
	_, err = w.do(ctx, c, judge.Request{Method: http.MethodPut, RawPath: path})
	return err
}

// allow checks the header Allow of a 405 (RFC 9110 §10.2.1): it may name more methods than the document has, and has to
// name those of the document that the path answers.
func (w *World) allow(ctx context.Context) error {
	refusal := w.last
	if refusal.Status != http.StatusMethodNotAllowed {
		return w.check(true, "", "", "") // which it is, is another requirement's
	}
	var named []string
	for method := range strings.SplitSeq(strings.Join(refusal.Header.Values("Allow"), ","), ",") {
		named = append(named, strings.TrimSpace(method))
	}
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(refusal.URL, c.Base), "?")
	_, methods := c.Document.Match(refusal.Method, path)
	for _, method := range methods {
		op := c.Document.Operation(method + " " + path)
		if slices.Contains(named, method) || op != nil && !w.offered(ctx, c, op) {
			continue
		}
		w.last = refusal
		got := "no Allow header"
		if len(refusal.Header.Values("Allow")) > 0 {
			got = "Allow: " + strings.Join(refusal.Header.Values("Allow"), ", ")
		}
		return w.check(false, "Allow does not name a method that the path has", "Allow: "+strings.Join(methods, ", "), got)
	}
	w.last = refusal
	return w.check(true, "", "", "")
}

func (w *World) status(wanted ...string) error {
	kept := false
	var list []string
	for _, want := range wanted {
		if want != "" {
			list = append(list, want)
			kept = kept || strconv.Itoa(w.last.Status) == want
		}
	}
	if w.last.Status >= 400 {
		w.fold = refusedWith(w.last)
	}
	return w.check(kept, "the answer has another status", strings.Join(list, " or "), w.answer())
}

func (w *World) errorBody() error {
	o := body(w.last)
	kept := o.text("code") != "" && o.text("message") != ""
	said := quoted(string(w.last.Body))
	if w.last.Operation == nil && kept {
		for _, breach := range contract.Refusal(w.last) { // nothing else judges it
			kept, said = false, breach.Message+": "+said
		}
	}
	w.fold = refusedWith(w.last)
	return w.check(kept, "the answer has no error body", "JSON with code and message, and nothing else", said)
}

// answer says in a few words what came.
func (w *World) answer() string { return answered(w.last) }

func answered(x *exchange.Exchange) string {
	switch {
	case x == nil:
		return "no request was made"
	case !x.Answer() && x.Err != nil:
		return "no answer: " + x.Err.Error()
	}
	text := fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status))
	if message := body(x).text("message"); message != "" {
		text += ": " + message
	}
	return text
}

// refuses sends an operation bodies that it must refuse, and checks each answer.
func (w *World) refuses(ctx context.Context, id string, path map[string]string, table *godog.Table) error {
	for _, row := range table.Rows[1:] {
		what, text := row.Cells[0].Value, w.expand(row.Cells[1].Value)
		if err := w.callWith(ctx, id, text, path); err != nil {
			return err
		}
		if err := w.refused(what, text); err != nil {
			return err
		}
		w.tookRenewal(id)
	}
	return nil
}

// refused checks that a bad body was answered 400, or 415 where it is no JSON.
func (w *World) refused(what, text string) error {
	kept, want := w.last.Status == http.StatusBadRequest, "400"
	if !json.Valid([]byte(text)) {
		kept, want = kept || w.last.Status == http.StatusUnsupportedMediaType, "400 or 415"
	}
	message := "a request that makes no sense is not refused (" + what + ")"
	if w.last.Status >= 400 {
		w.fold = refusedWith(w.last)
		message = "a request that makes no sense is refused with another status (" + what + ")"
	}
	return w.check(kept, message, want, w.answer())
}

// refusedWith is what findings on refusals are folded by: a server refuses all that it can't read by one status and form
// of body, and where that is another than the document's it is one fault, whatever was wrong with the requests.
func refusedWith(x *exchange.Exchange) string { return "refused with " + strconv.Itoa(x.Status) }

// mistakes makes requests that are wrong in some way: whatever the answer is, it must not blame the deployment.
func (w *World) mistakes(ctx context.Context, table *godog.Table) error {
	for _, row := range table.Rows[1:] {
		id, query, text := row.Cells[0].Value, w.expand(row.Cells[1].Value), w.expand(row.Cells[2].Value)
		r := judge.Request{Query: query, Path: w.fill(id, "${unknown}")}
		if text != "" {
			_ = json.Unmarshal([]byte(text), &r.Fields) // what is no object has no fields
			r.Body, r.Header = []byte(text), http.Header{"Content-Type": {"application/json"}}
		}
		if err := w.call(ctx, id, r); err != nil {
			return err
		}
		kept := w.last.Status < 500 || w.last.Status == http.StatusNotImplemented
		if err := w.check(kept, "a mistake of the caller is answered with a 5xx ("+id+" "+query+")", "a 4xx", w.answer()); err != nil {
			return err
		}
	}
	return nil
}
