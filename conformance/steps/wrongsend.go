package steps

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/negative"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

const (
	wrongAtOnce = 4                // requests
	wrongLimit  = 10 * time.Second // of one request
	mostWaits   = 3                // for a deployment that takes no more requests now
	longestWait = 5 * time.Second
)

// sendAll sends the cases, some at once; what they make where they are taken is removed at the end of the scenario.
func (w *World) sendAll(ctx context.Context, c *judge.Client, cases []negative.Case) ([]*exchange.Exchange, error) {
	answers := make([]*exchange.Exchange, len(cases))
	var g errgroup.Group
	g.SetLimit(wrongAtOnce)
	for i, one := range cases {
		g.Go(func() (err error) {
			// What a document says of errors is a MUST; where a case is good practice, so is how it is refused.
			rough := len(one.Rule.Statuses) == 0
			answers[i], err = w.sendOne(ctx, c, one.Operation, one.Request, rough)
			return err
		})
	}
	err := g.Wait()
	for i, x := range answers {
		if x != nil {
			w.keep(cases[i].Operation, x)
			w.last = x
		}
	}
	return answers, err
}

func (w *World) sendGood(ctx context.Context, c *judge.Client, base *negative.Base) (*exchange.Exchange, error) {
	op := base.Operation()
	x, err := w.sendOne(ctx, c, op, base.Request(), true)
	if x != nil {
		w.keep(op, x)
		w.last = x
	}
	return x, err
}

// sendOne sends a request, and waits where the deployment says that it takes no more now.
func (w *World) sendOne(ctx context.Context, c *judge.Client, op *spec.Operation, r negative.Request, rough bool) (*exchange.Exchange, error) {
	limit := wrongLimit
	if op.ID == "createSandbox" {
		limit = w.Target.Book.Deadlines.Provision // some answer when the image is there
	}
	for waits := 0; ; waits++ {
		x, err := c.Do(ctx, judge.Request{
			Scenario: w.Scenario, Operation: op, Method: r.Method, Path: r.Path, Query: r.Query, Header: r.Header, Body: r.Body,
			Fields: r.Fields, Rough: rough, Limit: limit,
		})
		if err != nil {
			return x, unjudged("%v", err)
		}
		if x.Status != http.StatusTooManyRequests && x.Status != http.StatusServiceUnavailable || op.ID == "createSandbox" {
			return x, nil
		}
		if waits == mostWaits {
			return x, unjudged("the deployment takes no more requests now: %s", answered(x))
		}
		wait := time.Second
		if seconds, err := strconv.Atoi(x.Header.Get("Retry-After")); err == nil {
			wait = min(time.Duration(seconds)*time.Second, longestWait)
		}
		select {
		case <-ctx.Done():
			return x, unjudged("interrupted")
		case <-time.After(wait): // it was asked for
		}
	}
}

// keep remembers what an answer says was made, to remove it.
func (w *World) keep(op *spec.Operation, x *exchange.Exchange) {
	if !x.OK() {
		return
	}
	switch id := body(x).text("id"); {
	case op.ID == "createSandbox" && id != "":
		w.Target.Guest(id)
		w.boxes = append(w.boxes, &Box{ID: id, Custom: true})
	case op.ID == "createCodeContext" && id != "":
		w.contexts["made "+id] = id
	case op.ID == "createSession" && body(x).text("session_id") != "":
		w.sessions = append(w.sessions, body(x).text("session_id"))
	}
}

// picture is what wrong requests of an operation must leave as it is.
func (w *World) picture(ctx context.Context, c *judge.Client, op *spec.Operation) (string, error) {
	switch {
	case c.Document.Name == spec.ExecdFile && w.vars["good dir"] != "":
		return w.quiet(ctx, "cd "+shellescape.Quote(w.vars["good dir"])+` && find . | LC_ALL=C sort | while read -r p; do `+
			`stat -c '%n %a %U:%G' "$p"; [ -f "$p" ] && cksum < "$p"; done; true`)
	case op.ID == "createSandbox":
		x, err := w.list(ctx, "metadata="+url.QueryEscape("osc-case="+w.vars["case"]))
		if err != nil || !x.OK() {
			return "", err
		}
		items, _ := body(x)["items"].([]any)
		return fmt.Sprintf("%d sandboxes", len(items)), nil
	case w.vars["good box"] != "":
		box := w.boxes[0] // wrong requests that were taken may have made others
		if _, err := w.look(ctx, box); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s until %s, metadata %v", box.Latest.text("status", "state"), box.Latest.text("expiresAt"), box.Latest["metadata"]), nil
	}
	return "", nil
}

// unchanged compares with the picture from before.
func (w *World) unchanged(ctx context.Context, c *judge.Client, op *spec.Operation, before string) error {
	after, err := w.picture(ctx, c, op)
	if err != nil {
		return err
	}
	return w.check(before == after, "requests of "+op.String()+" that were refused have changed something", quoted(before), quoted(after))
}
