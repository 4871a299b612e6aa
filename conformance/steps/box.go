package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

// Box is a sandbox that a scenario made.
type Box struct {
	ID      string
	Request map[string]any
	Sent    time.Time // when it was asked for
	Answer  *exchange.Exchange
	Created object    // the answer
	Seen    []State   // the states that get showed, each once in a row
	Latest  object    // the latest answer of get
	Renewed time.Time // the expiry asked for last, where it was taken
	Custom  bool      // made from something else than the image of the run

	moved func(from, to string) // told of every state that follows another
}

// State is a state as it was seen.
type State struct {
	Name           string
	LastTransition string
}

// object is a JSON object; its methods never fail, since what is missing is reported by the document's check.
type object map[string]any

func (o object) text(path ...string) string {
	var value any = map[string]any(o)
	for _, name := range path {
		m, _ := value.(map[string]any)
		value = m[name]
	}
	text, _ := value.(string)
	return text
}

func (o object) time(name string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, o.text(name))
	return t, err == nil
}

func body(x *exchange.Exchange) object {
	value, _, err := contract.DecodeJSON(x.Body)
	if err != nil {
		return nil
	}
	o, _ := value.(map[string]any)
	return o
}

func (w *World) box() (*Box, error) {
	if len(w.boxes) == 0 {
		return nil, unjudged("the scenario has no sandbox")
	}
	return w.boxes[len(w.boxes)-1], nil
}

// request is a create request that every deployment can meet.
func (w *World) request(changes map[string]any) map[string]any {
	request := map[string]any{
		"image":          map[string]any{"uri": w.Target.Image},
		"timeout":        300,
		"resourceLimits": map[string]any{"cpu": "1", "memory": "512Mi"},
		"entrypoint":     []any{"tail", "-f", "/dev/null"},
	}
	request = merge(request, changes).(map[string]any)
	if metadata, ok := request["metadata"].(map[string]any); ok {
		metadata[label] = w.Target.Run
	} else if _, there := request["metadata"]; !there {
		request["metadata"] = map[string]any{label: w.Target.Run}
	}
	return request
}

// merge applies a JSON merge patch (RFC 7396).
func merge(to any, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := to.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}

// creating is the request that makes a sandbox.
func (w *World) creating(fields map[string]any) judge.Request {
	r := judge.Object(fields)
	r.Operation, r.Limit = w.Target.Lifecycle.Document.Operation("createSandbox"), w.Target.Book.Deadlines.Provision
	return r
}

// createSandbox makes a sandbox and does not wait for it. An answer that is the environment's fault ends the scenario.
func (w *World) createSandbox(ctx context.Context, changes map[string]any) error {
	request := nulls(w.request(changes))
	w.vars["case"] = newMark()
	if metadata, ok := request["metadata"].(map[string]any); ok {
		metadata["osc-case"] = w.vars["case"]
	}
	sent := time.Now()
	x, err := w.do(ctx, w.Target.Lifecycle, w.creating(request))
	if err != nil {
		return err
	}
	switch x.Status {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return unjudged("the deployment makes no sandbox now: %d %s", x.Status, body(x).text("message"))
	}
	if !x.OK() {
		return nil
	}
	_, image := changes["image"]
	_, entrypoint := changes["entrypoint"]
	box := &Box{ID: body(x).text("id"), Request: request, Sent: sent, Answer: x, Created: body(x), Custom: image || entrypoint, moved: w.Target.Book.Moved}
	if box.ID == "" {
		return unjudged("the create answer has no id")
	}
	w.Target.Guest(box.ID)
	box.see(body(x))
	w.boxes = append(w.boxes, box)
	w.inside = nil
	return nil
}

func (b *Box) see(o object) {
	b.Latest = o
	s := State{o.text("status", "state"), o.text("status", "lastTransitionAt")}
	if s.Name != "" && (len(b.Seen) == 0 || b.Seen[len(b.Seen)-1] != s) {
		if b.moved != nil {
			b.moved(b.last(), s.Name)
		}
		b.Seen = append(b.Seen, s)
	}
}

// last is the state that was seen last; empty: none yet.
func (b *Box) last() string {
	if len(b.Seen) == 0 {
		return ""
	}
	return b.Seen[len(b.Seen)-1].Name
}

// look asks for the sandbox.
func (w *World) look(ctx context.Context, box *Box) (*exchange.Exchange, error) {
	x, err := w.do(ctx, w.Target.Lifecycle, judge.Request{
		Operation: w.Target.Lifecycle.Document.Operation("getSandbox"), Path: map[string]string{"sandboxId": box.ID},
	})
	if err == nil && x.OK() {
		box.see(body(x))
	}
	return x, err
}

// await looks at the sandbox until done says so, or the time is over; it says which.
func (w *World) await(ctx context.Context, box *Box, within time.Duration, done func(*exchange.Exchange) bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval, pace.Multiplier = 25*time.Millisecond, time.Second, 1.3
	for {
		x, err := w.look(ctx, box)
		if ctx.Err() == nil {
			if err != nil {
				return false, err
			}
			if done(x) {
				return true, nil
			}
		}
		select {
		case <-ctx.Done():
			if errIsCancel(ctx) {
				return false, unjudged("interrupted")
			}
			return false, nil
		case <-time.After(pace.NextBackOff()):
		}
	}
}

func errIsCancel(ctx context.Context) bool { return ctx.Err() == context.Canceled }

// becomes waits for a state. Where it can't come any more, or does not in time, that is what the step is judged by.
func (w *World) becomes(ctx context.Context, state string) error {
	box, err := w.box()
	if err != nil {
		if w.last != nil && !w.last.OK() {
			return unjudged("there is no sandbox: create answered %d %s", w.last.Status, body(w.last).text("message"))
		}
		return err
	}
	within := w.Target.Book.Deadlines.Change
	if len(box.Seen) == 0 || box.Seen[len(box.Seen)-1].Name == "Pending" {
		within = w.Target.Book.Deadlines.Provision
	}
	reached, err := w.await(ctx, box, within, func(x *exchange.Exchange) bool {
		now := body(x).text("status", "state")
		return now == state || now == "Failed" || now == "Terminated" || x.Status == http.StatusNotFound
	})
	if err != nil {
		return err
	}
	now := w.present(box)
	ran := slices.ContainsFunc(box.Seen, func(s State) bool { return s.Name == "Running" })
	if reached && box.Latest.text("status", "state") == "Failed" && !box.Custom && state == "Running" && !ran {
		reason := fmt.Sprintf("the sandbox from image %s ended in Failed: %s", w.Target.Image, now)
		w.Target.Book.Ballot.Stop(reason)
		return &Unjudged{reason}
	}
	kept := box.Latest.text("status", "state") == state
	if err := w.check(kept, "the sandbox did not become "+state, state+" within "+within.String(), now); err != nil {
		return err
	}
	if !kept {
		return unjudged("the sandbox did not become %s", state)
	}
	if state == "Running" {
		w.inside = nil // its endpoint may be another
	}
	return nil
}

func (w *World) present(box *Box) string {
	if w.last != nil && !w.last.OK() {
		return fmt.Sprintf("%d %s", w.last.Status, body(w.last).text("message"))
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", box.Latest.text("status", "state"),
		box.Latest.text("status", "reason"), box.Latest.text("status", "message")))
}

// enter asks for the endpoint of execd and waits until it answers, as clients do.
func (w *World) enter(ctx context.Context, box *Box) error {
	last := w.last
	defer func() { w.last = last }()
	x, err := w.endpoint(ctx, box, execdPort)
	if err != nil {
		return err
	}
	if !x.OK() {
		return unjudged("the endpoint of execd is answered %d", x.Status)
	}
	w.inside = w.reach(w.Target.ExecdDocument, x)
	return w.ready(ctx)
}

const execdPort = 44772

func (w *World) endpoint(ctx context.Context, box *Box, port int) (*exchange.Exchange, error) {
	return w.do(ctx, w.Target.Lifecycle, judge.Request{
		Operation: w.Target.Lifecycle.Document.Operation("getSandboxEndpoint"),
		Path:      map[string]string{"sandboxId": box.ID, "port": fmt.Sprint(port)},
	})
}

// newMark is a value of metadata that no other sandbox has.
func newMark() string { return "m" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16] }

// unknownID is an id that no sandbox has.
func unknownID() string { return uuid.NewString() }

func decodeChanges(text string) (map[string]any, error) {
	var changes map[string]any
	if err := json.Unmarshal([]byte(text), &changes); err != nil {
		return nil, fmt.Errorf("the step's own JSON: %w", err)
	}
	return changes, nil
}

// gone says whether an answer of get shows the end of a sandbox.
func gone(x *exchange.Exchange) bool {
	return x.Status == http.StatusNotFound || slices.Contains([]string{"Terminated", "Failed"}, body(x).text("status", "state"))
}
