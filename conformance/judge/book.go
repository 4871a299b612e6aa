// Package judge makes exchanges with a deployment and has every one of them judged: by the documents, by the rules of
// event streams, and by the checks of the scenario that made it. What it finds goes to the ballot, requirement by
// requirement.
package judge

import (
	"fmt"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Deadlines bound every wait of a run.
type Deadlines struct {
	Answer    time.Duration // a request to its whole answer, streams apart
	Stream    time.Duration // a stream from its request to its end
	Provision time.Duration // create to Running: an image may have to be pulled
	Change    time.Duration // pause, resume and delete to their state, and tidying up behind a scenario
	First     time.Duration // a stream's request to its first event
	FirstSoon time.Duration
	Line      time.Duration // a line written to its event
	LineSoon  time.Duration
	End       time.Duration // a stream's last event to its end
	EndSoon   time.Duration
	Expire    time.Duration // expiresAt to the end of the sandbox
}

// DefaultDeadlines are those of the requirements, and generous ones where none says any.
func DefaultDeadlines() Deadlines {
	return Deadlines{
		Answer: 30 * time.Second, Stream: 60 * time.Second, Provision: 5 * time.Minute, Change: 60 * time.Second,
		First: 5 * time.Second, FirstSoon: 250 * time.Millisecond, Line: 2 * time.Second, LineSoon: 250 * time.Millisecond,
		End: 5 * time.Second, EndSoon: time.Second, Expire: 30 * time.Second,
	}
}

// Book knows every requirement, and writes down what becomes of each.
type Book struct {
	Ballot    *verdict.Ballot
	Seen      *verdict.Sightings
	Redactor  *exchange.Redactor
	Deadlines Deadlines
	Found     func(report.Finding) // told of every finding as it is made; nil: nobody

	rows    map[string]spec.Requirement
	aspects map[spec.Aspect][]spec.Requirement

	mu        sync.Mutex
	sandboxes map[string]bool    // that were made, and not deleted since
	firsts    map[string]*firsts // by operation
}

// NewBook makes the book of a ledger.
func NewBook(ledger []spec.Requirement, ballot *verdict.Ballot, deadlines Deadlines) *Book {
	b := &Book{
		Ballot: ballot, Seen: verdict.NewSightings(), Redactor: &exchange.Redactor{}, Deadlines: deadlines,
		rows: map[string]spec.Requirement{}, aspects: map[spec.Aspect][]spec.Requirement{}, sandboxes: map[string]bool{}, firsts: map[string]*firsts{},
	}
	for _, row := range ledger {
		b.rows[row.ID] = row
		if row.Aspect != "" {
			b.aspects[row.Aspect] = append(b.aspects[row.Aspect], row)
		}
	}
	return b
}

// Requirement returns a row of the ledger.
func (b *Book) Requirement(id string) (spec.Requirement, bool) {
	row, ok := b.rows[id]
	return row, ok
}

// Evidence is what a check found.
type Evidence struct {
	Requirement string
	Exchange    *exchange.Exchange // that shows it best; may be nil
	Scenario    string             // in which it was found, where there is no exchange
	Message     string
	Expected    string
	Actual      string
	Spec        string // file:line
	Fold        string // findings of one requirement with the same Fold are one; empty: Message and Spec
}

// Check writes down one check: kept, or broken with its evidence.
func (b *Book) Check(kept bool, e Evidence) {
	if kept {
		b.Ballot.Held(e.Requirement)
		return
	}
	f := report.Finding{
		Requirement: e.Requirement, Message: b.Redactor.Hide(e.Message), Spec: e.Spec, Scenario: e.Scenario,
		Expected: b.Redactor.Hide(e.Expected), Actual: b.Redactor.Hide(e.Actual),
	}
	if row := b.rows[e.Requirement]; len(row.Operations) > 0 {
		f.Operation = row.Operations[0]
	}
	if x := e.Exchange; x != nil {
		if x.Broke == nil {
			x.Broke = map[string]bool{}
		}
		x.Broke[e.Requirement] = true
		if x.Operation != nil {
			if b.rows[e.Requirement].Operations.Concerns(x.Operation.String()) {
				f.Operation = x.Operation.String()
			}
		} else if x.Document != nil {
			f.Operation = x.Method + " " + x.URL
		}
		if f.Spec == "" {
			f.Spec = contract.Place(x.Document, x.Operation)
		}
		f.Scenario, f.Exchange, f.Curl = x.Scenario, b.Redactor.Text(x), b.Redactor.Curl(x)
		f.Operation = b.Redactor.Hide(f.Operation)
	}
	if e.Fold == "" {
		e.Fold = f.Message + "\x00" + f.Spec
	}
	b.Ballot.Broken(f, e.Fold)
	if b.Found != nil {
		b.Found(f)
	}
}

// Judge has a finished exchange judged by everything that holds for all exchanges.
func (b *Book) Judge(x *exchange.Exchange) {
	if x.Document == nil || !x.Answer() {
		return
	}
	b.learn(x)
	if x.Operation != nil {
		b.Ballot.Exchange(x.Operation.String(), b.tells(x), !NotOffered(x))
		b.Seen.Answer(x.Operation, x.Status)
	}
	breaches := contract.Judge(x)
	b.byDocument(x, spec.AsDocumented, spec.Must, breaches)
	b.byDocument(x, spec.AsRecommended, spec.Should, breaches)
	if x.Stream != nil {
		b.judgeStream(x)
	}
}

// Moved writes down that a sandbox was seen in a state; from is the one before, empty for the first.
func (b *Book) Moved(from, to string) {
	b.Seen.Transition(b.Redactor.Hide(from), b.Redactor.Hide(to))
}

func (b *Book) byDocument(x *exchange.Exchange, aspect spec.Aspect, level spec.Level, breaches []contract.Breach) {
	for _, row := range b.rowsFor(aspect, x) {
		kept := true
		for _, breach := range breaches {
			if breach.Level == level {
				kept = false
				b.Check(false, Evidence{
					Requirement: row.ID, Exchange: x, Message: breach.Message,
					Expected: breach.Expected, Actual: breach.Actual, Spec: breach.Spec, Fold: breach.Fold(),
				})
			}
		}
		if kept {
			b.Check(true, Evidence{Requirement: row.ID})
		}
	}
}

// rowsFor finds the requirements that an aspect of this exchange is judged by.
func (b *Book) rowsFor(aspect spec.Aspect, x *exchange.Exchange) []spec.Requirement {
	var rows []spec.Requirement
	for _, row := range b.aspects[aspect] {
		if row.Document() != x.Document.Name {
			continue
		}
		if x.Operation == nil && row.Operations.Concerns("*") || x.Operation != nil && row.Operations.Concerns(x.Operation.String()) {
			rows = append(rows, row)
		}
	}
	return rows
}

func (b *Book) aspect(aspect spec.Aspect, x *exchange.Exchange, kept bool, message, expected, actual string) {
	for _, row := range b.rowsFor(aspect, x) {
		b.Check(kept, Evidence{Requirement: row.ID, Exchange: x, Message: message, Expected: expected, Actual: actual})
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
