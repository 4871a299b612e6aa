// Package steps turns the steps of the features into requests to a deployment, and what it answers into checks of
// requirements.
//
// A check that fails does not end its scenario: the rest is judged too. What ends it is a prerequisite that is
// missing; the requirements that were not reached are then not judged, which is no pass.
package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Unjudged ends a scenario: what it needs is not there, so nothing can be said.
type Unjudged struct{ Reason string }

func (e *Unjudged) Error() string { return e.Reason }

// Skip ends a scenario: it is about something that this deployment need not have.
type Skip struct{ Reason string }

func (e *Skip) Error() string { return e.Reason }

func unjudged(format string, args ...any) error { return &Unjudged{fmt.Sprintf(format, args...)} }

// World is what the steps of one scenario share.
type World struct {
	Target   *Target
	Scenario string
	Rows     []string // the requirements that the scenario carries as tags
	Checked  map[string]bool
	Broken   int // checks that failed

	row    string             // the requirement that the present step checks; empty: a prerequisite
	fold   string             // of the next check: judge.Evidence.Fold
	last   *exchange.Exchange // the latest exchange
	inside *judge.Client      // execd that commands and files go to; nil: the one of the target
	boxes  []*Box             // sandboxes that this scenario made
	dirs   []string           // directories that it made
	vars   map[string]string
	out    output            // of the latest command
	late   lateness          // of the lines of the latest dialogue
	put    map[string][]byte // what was uploaded to where
	inward bool              // the endpoint supplies the token: requests without it are made inside the sandbox

	begun      *started          // the execution that goes on beside the scenario
	contexts   map[string]string // code contexts that it made, by the name that it gave them
	sessions   []string          // shell sessions that it made
	counts     []string          // execution counts of the runs since it looked at them last
	listed     map[string]bool   // context ids that were remembered
	since      time.Time         // when the latest interrupt was sent
	two        []output          // of two executions at once
	twoAnswers []*exchange.Exchange
	cursors    []int64                 // that the logs had so far
	cursor     string                  // of the latest logs
	goods      map[string]*goodRequest // by operation
	left       []string                // operations whose wrong requests could not be judged, and why
	cleanup    []func()                // what to undo at the end, the latest first
	frames     []map[string]any        // of the latest watch
	arrived    []time.Time             // when each came
}

// NewWorld begins a scenario.
func NewWorld(target *Target, scenario string, rows []string) *World {
	return &World{
		Target: target, Scenario: scenario, Rows: rows, Checked: map[string]bool{},
		vars: map[string]string{"run": target.Run, "unknown": unknownID(), "mark": newMark()}, put: map[string][]byte{},
		contexts: map[string]string{}, goods: map[string]*goodRequest{},
	}
}

// begin takes the requirement out of a step's text.
func (w *World) begin(text string) {
	w.row = ""
	if m := rowPattern.FindStringSubmatch(text); m != nil {
		w.row = m[1]
	}
}

var rowPattern = regexp.MustCompile(`^((?:LC|EX)-[A-Z0-9]+-\d\d): `)

// check writes down whether something is as it must be. Where the step checks no requirement it is a prerequisite,
// and its absence ends the scenario.
func (w *World) check(kept bool, message, expected, actual string) error {
	fold := w.fold
	w.fold = ""
	if w.row == "" {
		if !kept {
			return unjudged("%s: expected %s, got %s", message, expected, actual)
		}
		return nil
	}
	if !w.judged() {
		return nil
	}
	w.Checked[w.row] = true
	if !kept {
		w.Broken++
		if w.last != nil && w.last.Broke[w.row] {
			return nil // what was wrong with this answer is already told
		}
	}
	w.Target.Book.Check(kept, judge.Evidence{
		Requirement: w.row, Exchange: w.last, Scenario: w.Scenario, Message: message, Expected: expected, Actual: actual, Fold: fold,
	})
	return nil
}

// judged says whether the requirement of the step is one that this run judges by: others may share its scenario.
func (w *World) judged() bool {
	_, judged := w.Target.Book.Requirement(w.row)
	return judged
}

// equal checks that two texts are the same.
func (w *World) equal(what, want, got string) error {
	return w.check(want == got, what+" is not as it must be", quoted(want), quoted(got))
}

// do makes a request in this scenario.
func (w *World) do(ctx context.Context, c *judge.Client, r judge.Request) (*exchange.Exchange, error) {
	r.Scenario = w.Scenario
	x, err := c.Do(ctx, r)
	if x != nil {
		w.last = x
	}
	if err != nil {
		return x, unjudged("%v", err)
	}
	return x, nil
}

// operation finds an operation by its id.
func (w *World) operation(ctx context.Context, id string) (*spec.Operation, *judge.Client, error) {
	if op := w.Target.Lifecycle.Document.Operation(id); op != nil {
		return op, w.Target.Lifecycle, nil
	}
	if op := w.Target.ExecdDocument.Operation(id); op != nil {
		c, err := w.execd(ctx)
		return op, c, err
	}
	return nil, nil, fmt.Errorf("no document has an operation %q", id)
}

func (w *World) execd(ctx context.Context) (*judge.Client, error) {
	if w.inside != nil {
		return w.inside, nil
	}
	if box, err := w.box(); err == nil {
		return w.inside, w.enter(ctx, box)
	}
	c, err := w.Target.Execd()
	if err != nil {
		return nil, err
	}
	w.inside = c
	return c, nil
}

// expand puts variables in: ${dir}, ${run}, and ${in N s}, ${in N s, no zone} and ${in N s, as a number}, a time from
// now. What is unknown stays as it is: it may be the shell's.
func (w *World) expand(text string) string {
	text = inPattern.ReplaceAllStringFunc(text, func(m string) string {
		parts := inPattern.FindStringSubmatch(m)
		seconds, _ := strconv.Atoi(parts[1]) // digits only
		at := time.Now().Add(time.Duration(seconds) * time.Second)
		switch parts[2] {
		case ", no zone":
			return strings.TrimSuffix(stamp(at), "Z")
		case ", as a number":
			return strconv.FormatInt(at.Unix(), 10)
		default:
			return stamp(at)
		}
	})
	for name, value := range w.vars {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

var inPattern = regexp.MustCompile(`\$\{in (-?\d+) s(, no zone|, as a number)?\}`)

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// unescape reads \n and \" in a text of a feature.
func unescape(text string) string {
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\"`, `"`, `\\`, `\`).Replace(text)
}

// End cleans up behind the scenario: also when the run was told to end.
func (w *World) End(ctx context.Context) {
	w.stopBegun()
	if w.inside != nil && len(w.boxes) == 0 {
		w.forget(ctx)
	}
	for _, undo := range slices.Backward(w.cleanup) {
		undo()
	}
	if w.inside != nil && len(w.dirs) > 0 && len(w.boxes) == 0 {
		w.removeDirs(ctx)
	}
	for _, box := range w.boxes {
		w.Target.Remove(ctx, box.ID)
	}
}

// Reason says why a scenario ended, and whether that was for the deployment to lack something optional.
func Reason(err error) (reason string, skip bool) {
	var s *Skip
	if errors.As(err, &s) {
		return s.Reason, true
	}
	var u *Unjudged
	if errors.As(err, &u) {
		return u.Reason, false
	}
	return err.Error(), false
}

func quoted(text string) string {
	const most = 300
	if len(text) > most {
		return fmt.Sprintf("%q… (%d bytes)", text[:most], len(text))
	}
	return fmt.Sprintf("%q", text)
}
