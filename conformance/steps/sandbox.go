package steps

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) sandboxes(s *register) {
	s.step(`a sandbox`, func(ctx context.Context) error {
		if err := w.createSandbox(ctx, nil); err != nil {
			return err
		}
		return w.becomes(ctx, "Running")
	})
	s.step(`I create a sandbox`, func(ctx context.Context) error { return w.createSandbox(ctx, nil) })
	s.step(`I create a sandbox with`, func(ctx context.Context, doc *godog.DocString) error {
		changes, err := decodeChanges(w.expand(doc.Content))
		if err != nil {
			return err
		}
		return w.createSandbox(ctx, changes)
	})
	s.step(`the sandbox becomes (\w+)`, w.becomes)
	s.step(`I pause the sandbox`, func(ctx context.Context) error {
		if err := w.call(ctx, "pauseSandbox", judge.Request{}); err != nil {
			return err
		}
		if !w.last.OK() {
			return unjudged("the sandbox can't be paused: %s", w.answer())
		}
		return w.becomes(ctx, "Paused")
	})
	s.step(`where there is a sandbox (\w+) is answered (\d+)`, func(ctx context.Context, id, status string) error {
		if len(w.boxes) == 0 {
			return nil // create was refused
		}
		if err := w.call(ctx, id, judge.Request{}); err != nil {
			return err
		}
		return w.status(status)
	})
	s.step(`the sandbox is gone, and stays so`, w.isGone)
	s.step(`the answer is 204, or 409 and 204 once the sandbox is Running`, w.deletedInTheEnd)
	s.step(`the sandbox has been Paused for (\d+) s`, func(ctx context.Context, seconds int) error {
		select {
		case <-ctx.Done():
			return unjudged("interrupted")
		case <-time.After(time.Duration(seconds) * time.Second): // the pause has to last, to be seen from inside
			return nil
		}
	})
	s.step(`a process that is still there has seen the time jump, by "(.*)"`, func(ctx context.Context, path string) error {
		if joined(w.out.stdout) != "alive" {
			return nil // it was not kept, which is no breach of this
		}
		said, err := w.quiet(ctx, "cat '"+w.expand(path)+"' 2>/dev/null || echo none")
		if err != nil {
			return err
		}
		return w.check(said != "none", "a process in a paused sandbox went on", "no step of it while Paused", "it never stood still")
	})
	s.step(`the sandbox is gone where the answer was 204, and stays so`, func(ctx context.Context) error {
		if w.last.Status != http.StatusNoContent {
			return w.check(true, "", "", "")
		}
		return w.isGone(ctx)
	})
	s.step(`execd in the sandbox is reached at its endpoint`, func(ctx context.Context) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		if err := w.enter(ctx, box); err != nil {
			_ = w.check(false, "execd in a running sandbox is not reached", "its ping answered 200 at the endpoint, with the headers that came with it", err.Error())
			return err
		}
		return w.check(true, "", "", "")
	})
	s.step(`execd in the sandbox does not answer any more`, w.silent)
}

// isGone checks what get shows after a delete: Stopping or Terminated, or 404, and after a 404 nothing else.
func (w *World) isGone(ctx context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	odd := ""
	over, err := w.await(ctx, box, w.Target.Book.Deadlines.Change, func(x *exchange.Exchange) bool {
		state := body(x).text("status", "state")
		if x.OK() && !slices.Contains([]string{"Stopping", "Terminated"}, state) {
			odd = state
		}
		return x.Status == http.StatusNotFound || state == "Terminated" || odd != ""
	})
	if err != nil {
		return err
	}
	if err := w.check(over && odd == "", "the sandbox is not gone after its delete", "Stopping or Terminated, or 404", w.present(box)); err != nil {
		return err
	}
	if w.last.Status != http.StatusNotFound {
		return nil
	}
	for range 3 {
		if _, err := w.look(ctx, box); err != nil {
			return err
		}
		if err := w.check(w.last.Status == http.StatusNotFound, "a sandbox that was 404 is back", "404", w.answer()); err != nil {
			return err
		}
	}
	return nil
}

// deletedInTheEnd allows a Pending sandbox to refuse its delete, and no other.
func (w *World) deletedInTheEnd(ctx context.Context) error {
	if w.last.Status == http.StatusConflict {
		if err := w.becomes(ctx, "Running"); err != nil {
			return err
		}
		if err := w.call(ctx, "deleteSandbox", judge.Request{}); err != nil {
			return err
		}
	}
	return w.status("204")
}

// silent checks that nothing in the sandbox carries out a request: an error, or no answer within a while.
func (w *World) silent(ctx context.Context) error {
	c := w.inside
	if c == nil {
		return unjudged("the scenario never reached execd")
	}
	alive := *c
	alive.Alive = nil // that it does not answer is what is asked
	x, err := w.do(ctx, &alive, judge.Request{Operation: c.Document.Operation("ping"), Limit: 3 * time.Second, Rough: true})
	if err != nil {
		return err
	}
	return w.check(!x.OK(), "execd in the sandbox still answers", "an error, or no answer", answered(x))
}

// ready waits until execd answers its ping with 200, as clients do.
func (w *World) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Target.Book.Deadlines.Change)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.inside.Base+w.inside.Document.Operation("ping").Path, nil)
		if err != nil {
			return unjudged("the endpoint of execd makes no URL: %v", err)
		}
		for name, values := range w.inside.Headers {
			req.Header[name] = values
		}
		resp, err := w.inside.HTTP.Do(req)
		last := ""
		if err == nil {
			last = resp.Status
			_ = resp.Body.Close() // its status is all that is asked
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		} else {
			last = err.Error()
		}
		select {
		case <-ctx.Done():
			return unjudged("execd in the sandbox does not answer its ping: %s", w.Target.Book.Redactor.Hide(last))
		case <-time.After(50 * time.Millisecond): // the clients' own poll is 200 ms
		}
	}
}

// legal is the table of states: to what each may lead. Who polls may miss states, so every way through it is legal.
var legal = map[string][]string{
	"Pending":  {"Running", "Stopping", "Terminated", "Failed"},
	"Running":  {"Pausing", "Stopping", "Terminated", "Failed"},
	"Pausing":  {"Paused", "Running", "Failed"},
	"Paused":   {"Resuming", "Running", "Stopping", "Failed"},
	"Resuming": {"Running", "Failed"},
	"Stopping": {"Terminated", "Failed"},
	"Failed":   {"Stopping", "Terminated"},
}

// leads says whether one state can lead to another, over states that were missed or not. A state that the table does
// not have is no violation.
func leads(from, to string) bool {
	if from == "Terminated" {
		return to == "Terminated"
	}
	if _, known := legal[from]; !known {
		return true
	}
	if _, known := legal[to]; !known && to != "Terminated" {
		return true
	}
	seen := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range legal[queue[0]] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return from == to
}

// judgeStates checks the states that a sandbox showed.
func (w *World) judgeStates(box *Box) error {
	for i := 1; i < len(box.Seen); i++ {
		from, to := box.Seen[i-1].Name, box.Seen[i].Name
		if err := w.check(leads(from, to), "a state followed that can't", "a state that "+from+" leads to", to); err != nil {
			return err
		}
	}
	return w.check(len(box.Seen) > 0, "the sandbox showed no state", "a state", "none")
}

// judgeTransitions checks lastTransitionAt of the states that a sandbox showed.
func (w *World) judgeTransitions(box *Box) error {
	for i := 1; i < len(box.Seen); i++ {
		before, now := box.Seen[i-1], box.Seen[i]
		a, errA := time.Parse(time.RFC3339Nano, before.LastTransition)
		b, errB := time.Parse(time.RFC3339Nano, now.LastTransition)
		if errA != nil || errB != nil {
			continue
		}
		if err := w.check(!b.Before(a), "lastTransitionAt went back", "not before "+before.LastTransition, now.LastTransition); err != nil {
			return err
		}
		whole := a.Nanosecond() == 0 && b.Nanosecond() == 0 // to the second, two transitions may look alike
		if before.Name != now.Name && !whole {
			if err := w.check(!b.Equal(a), "lastTransitionAt did not change with the state",
				fmt.Sprintf("%s another time than %s", now.Name, before.Name), now.LastTransition); err != nil {
				return err
			}
		}
	}
	shown := slices.ContainsFunc(box.Seen, func(s State) bool { return strings.TrimSpace(s.LastTransition) != "" })
	return w.check(shown, "lastTransitionAt is never shown", "the time of each transition", "no such property")
}
