package steps

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/negative"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// wrongBudget is how long the cases of one step may take; what is left then is not judged.
const wrongBudget = 60 * time.Second

func (w *World) wrongs(s *register) {
	s.step(`every request(?: of (\w+)| but of (\w+))? that is wrong in one way is answered as this says, and nothing is done`, w.everyCase)
	s.step(`the good requests are carried out again`, w.goodAgain)
	s.step(`every path, asked with a method that it does not have, says in Allow which it has`, func(ctx context.Context) error {
		return w.everyMethod(ctx, w.allows)
	})
	s.step(`every path, asked with a method that it does not have, answers 405 with an error body`, func(ctx context.Context) error {
		return w.everyMethod(ctx, func(c negative.Case, x *exchange.Exchange) {
			o := body(x)
			kept := x.Status == http.StatusMethodNotAllowed && o.text("code") != "" && o.text("message") != ""
			w.tell(kept, c, x, "405, JSON with code and message")
		})
	})
}

// wrongOptions are what the cases of this run are made with.
func (w *World) wrongOptions() negative.Options {
	return negative.Options{Seed: uint64(w.Target.Seed), Unknown: unknownID}
}

// everyCase sends each case that the step's requirement is about, of one operation, all but one, or all, and judges the
// answers. Operations that the deployment does not offer are left out; those of which not even a good request is
// carried out can't be judged.
func (w *World) everyCase(ctx context.Context, only, but string) error {
	if !w.judged() {
		return nil
	}
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wrongBudget)
	defer cancel()
	var left, skipped []string // operations, and why
	for _, op := range c.Document.Operations {
		if only != "" && op.ID != only || op.ID == but {
			continue
		}
		err := w.casesOf(ctx, c, op)
		var skip *Skip
		switch {
		case err == nil:
		case errors.As(err, &skip):
			skipped = append(skipped, op.String()+": "+skip.Reason)
		case ctx.Err() != nil:
			return unjudged("the cases were not through within %s", wrongBudget)
		default:
			left = append(left, op.String()+": "+err.Error())
		}
	}
	w.left = append(w.left, left...)
	switch {
	case w.Checked[w.row]:
	case len(left) > 0:
		w.Target.Book.Ballot.NotJudged(w.row, w.Target.Book.Redactor.Hide(strings.Join(left, "; ")))
	case len(skipped) > 0:
		w.Target.Book.Ballot.Skip(w.row, w.Target.Book.Redactor.Hide(strings.Join(skipped, "; ")))
	}
	return nil
}

// casesOf judges the cases of one operation.
func (w *World) casesOf(ctx context.Context, c *judge.Client, op *spec.Operation) error {
	// Whether there are any is known without what a good request needs.
	if !slices.ContainsFunc(w.wrongOptions().Cases(negative.NewBase(op, negative.Values{})), w.concerned) {
		return nil
	}
	if op.Capability != spec.Core {
		if slices.Contains(w.Target.Capabilities.Outside, op.Capability) {
			return &Skip{"the edition does not have the capability " + op.Capability}
		}
		present, err := w.has(ctx, op.Capability)
		if err != nil {
			return err
		}
		if !present {
			return &Skip{"the deployment does not have the capability " + op.Capability}
		}
	}
	good, err := w.goodOf(ctx, op)
	if err != nil {
		return err
	}
	var cases []negative.Case
	for _, one := range w.wrongOptions().Cases(good.Base) {
		if known, err := w.knows(ctx, one.Capability); err != nil {
			return err
		} else if w.concerned(one) && known {
			cases = append(cases, one)
			good.matters = good.matters || one.Kind != negative.UnknownID
		}
	}
	if err := w.goodFirst(ctx, c, good); err != nil {
		return err
	}
	before, err := w.picture(ctx, c, op)
	if err != nil {
		return err
	}
	answers, err := w.sendAll(ctx, c, cases)
	if err != nil {
		return err
	}
	taken := false
	for i, x := range answers {
		taken = taken || x.OK() // what should not have been has been told
		if err := w.judgeCase(cases[i], x); err != nil {
			return err
		}
	}
	if !taken {
		if err := w.unchanged(ctx, c, op, before); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) concerned(c negative.Case) bool { return c.Rule.Requirement == w.row }

// knows says whether the deployment has the capability that a field or parameter belongs to; who lacks it ignores
// them. One that no probe finds out counts as absent.
func (w *World) knows(ctx context.Context, capability string) (bool, error) {
	if capability == "" {
		return true, nil
	}
	if _, ok := probes[capability]; !ok || slices.Contains(w.Target.Capabilities.Outside, capability) {
		return false, nil
	}
	if err := w.provide(ctx, "dir"); err != nil {
		return false, err
	}
	return w.has(ctx, capability)
}

// judgeCase checks the answer to a case.
func (w *World) judgeCase(c negative.Case, x *exchange.Exchange) error {
	if c.Operation.ID == "createSandbox" && elsewhere(x) {
		return unjudged("the deployment makes no sandbox now: %s", answered(x))
	}
	if len(c.Rule.Statuses) > 0 {
		var list []string
		for _, status := range c.Rule.Statuses {
			list = append(list, strconv.Itoa(status))
		}
		w.tell(slices.Contains(c.Rule.Statuses, x.Status), c, x, strings.Join(list, " or "))
		return nil
	}
	if c.Rule.Taken && x.OK() {
		w.tell(true, c, x, "")
		return nil
	}
	kept := x.Status >= 400 && x.Status < 500 && x.Status != http.StatusUnauthorized && x.Status != http.StatusTooManyRequests
	if kept {
		kept = !slices.ContainsFunc(contract.Judge(x), func(b contract.Breach) bool { return b.Level == spec.Must })
	}
	w.tell(kept, c, x, "a status of 4xx that the document has for it, with an error body")
	return nil
}

// tell writes down a check of a case; those of one operation and kind are one finding, as are those of one status.
func (w *World) tell(kept bool, c negative.Case, x *exchange.Exchange, expected string) {
	w.Checked[w.row] = true
	if !kept {
		w.Broken++
		if x.Broke[w.row] {
			return
		}
	}
	fold := c.Operation.ID + " " + string(c.Kind)
	if x.Status >= 400 {
		fold = refusedWith(x)
	}
	actual := answered(x)
	if x.Answer() && !x.OK() && body(x).text("code") == "" {
		actual += ", with no error body"
	}
	w.Target.Book.Check(kept, judge.Evidence{
		Requirement: w.row, Exchange: x, Message: "a request is not refused as it should be: " + c.What,
		Expected: expected, Actual: actual, Fold: fold,
	})
}

// everyMethod asks each path with methods that it does not have.
func (w *World) everyMethod(ctx context.Context, judged func(negative.Case, *exchange.Exchange)) error {
	if !w.judged() {
		return nil
	}
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	var bases []*negative.Base
	for _, op := range c.Document.Operations {
		bases = append(bases, negative.NewBase(op, negative.Values{}))
	}
	for _, one := range w.wrongOptions().Methods(bases) {
		path := judge.Fill(one.Operation.Path, one.Request.Path)
		x, err := w.do(ctx, c, judge.Request{Method: one.Request.Method, RawPath: path})
		if err != nil {
			return err
		}
		if judge.NotOffered(x) && x.Status != http.StatusMethodNotAllowed && w.optional(c.Document, one.Operation.Path) {
			continue // a path that only optional capabilities have
		}
		judged(one, x)
	}
	return nil
}

// optional says whether every operation of a path belongs to an optional capability.
func (w *World) optional(doc *spec.Document, path string) bool {
	return !slices.ContainsFunc(doc.Operations, func(op *spec.Operation) bool {
		return op.Path == path && op.Capability == spec.Core
	})
}

func (w *World) allows(c negative.Case, x *exchange.Exchange) {
	if x.Status == http.StatusMethodNotAllowed {
		w.tell(len(x.Header.Values("Allow")) > 0, c, x, "a 405 with the header Allow")
	}
}
