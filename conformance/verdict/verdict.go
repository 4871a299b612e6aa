// Package verdict gathers what the scenarios found, requirement by requirement, and settles what it means: for each
// group, and for the whole.
//
// Nothing passes by default: a requirement that no check reached is not judged, and is said to be.
package verdict

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Ballot gathers checks. It may be used by many scenarios at once.
type Ballot struct {
	claim Claim

	mu        sync.Mutex
	rows      map[string]*row
	offered   map[string]bool // operation to: some answer was other than "not offered"
	absent    map[string]bool // capabilities that the deployment does not have
	exchanges int
	stopped   string // why the run as a whole could not go on
	broken    bool   // it was interrupted, which outweighs even errors
	watched   bool   // what was asked for was not ours to choose
}

type row struct {
	held      int
	findings  map[string]*report.Finding
	order     []string
	notJudged string
	skipped   string
}

// New makes an empty ballot.
func New(claim Claim) *Ballot {
	b := &Ballot{claim: claim, rows: map[string]*row{}, offered: map[string]bool{}, absent: map[string]bool{}}
	for _, r := range claim.Ledger {
		b.rows[r.ID] = &row{findings: map[string]*report.Finding{}}
	}
	return b
}

// Held counts a check that found a requirement kept.
func (b *Ballot) Held(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[id].held++
}

// Broken takes a finding. Those of one requirement and operation with the same fold are one with a count, whatever
// scenario met them; so are those on requests for no operation.
func (b *Ballot) Broken(f report.Finding, fold string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[f.Requirement]
	key := f.Operation + "\x00" + fold
	if strings.Contains(f.Operation, "://") {
		key = fold // the operation is none of the document's, and its URL is another each time
	}
	if known := r.findings[key]; known != nil {
		known.Count++
		return
	}
	f.Count = 1
	r.findings[key] = &f
	r.order = append(r.order, key)
}

// NotJudged says why a requirement could not be judged in one scenario.
func (b *Ballot) NotJudged(id, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows[id].notJudged == "" {
		b.rows[id].notJudged = reason
	}
}

// Skip says why a requirement is none of this deployment's: an optional capability that it lacks, or a condition of
// the requirement itself that is not met.
func (b *Ballot) Skip(id, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[id].skipped = reason
}

// Checked says whether a requirement was judged at all so far.
func (b *Ballot) Checked(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	return r.held > 0 || len(r.findings) > 0
}

// Exchange counts an answered exchange. Where it tells whether the operation is there, offered says so.
func (b *Ballot) Exchange(operation string, tells, offered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exchanges++
	if operation != "" && tells {
		b.offered[operation] = b.offered[operation] || offered
	}
}

// Absent says that the deployment lacks an optional capability: nothing of it counts.
func (b *Ballot) Absent(capability string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.absent[capability] = true
}

// Stop says why the run could not go on; the first reason stands.
func (b *Ballot) Stop(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped == "" {
		b.stopped = reason
	}
}

// Stopped returns why the run could not go on; empty while it can.
func (b *Ballot) Stopped() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}

// Interrupt says that the run was told to end early.
func (b *Ballot) Interrupt() {
	b.Stop("interrupted")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
}

// Watch says that the checks are of traffic that others made: what they did not ask for is no sign of anything, and no
// amount of it makes a deployment conformant.
func (b *Ballot) Watch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watched = true
}

// Settle fills in the verdict of a report: groups, summary, findings, requirements, verdict and reason.
func (b *Ballot) Settle(r *report.Report, strict bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := settlement{Ballot: b, report: r, notOffered: map[string]bool{}}
	r.Findings = []report.Finding{}
	r.Requirements = []report.Requirement{}
	s.findNotOffered()
	s.requirements()
	s.operations()
	s.groups()
	s.whole(strict)
	slices.SortStableFunc(r.Findings, func(a, b report.Finding) int { return cmp.Compare(a.Severity, b.Severity) })
}

func (r *row) outcome() (string, string) {
	switch {
	case len(r.findings) > 0:
		return report.Broken, ""
	case r.held > 0:
		return report.Held, ""
	case r.skipped != "":
		return report.Skipped, r.skipped
	case r.notJudged != "":
		return report.Unknown, r.notJudged
	default:
		return report.Unknown, "no check of it was reached"
	}
}

func severity(level spec.Level) string {
	if level == spec.Must {
		return report.Error
	}
	return report.Warning
}
