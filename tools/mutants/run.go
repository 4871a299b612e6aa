package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Outcomes of a mutant.
const (
	killed     = "killed"      // the suite has a finding of its requirement, on an operation that it concerns
	survived   = "SURVIVED"    // it does not: the suite misses what it should catch
	neverActed = "NEVER ACTED" // the fault was never reached: the table is wrong
	flagged    = "FLAGGED"     // a benign variant got a finding: the suite is unfair
	harmless   = "no finding"  // a benign variant, as it must be
	failed     = "FAILED"      // it could not be run
)

// Result is what became of one mutant or benign variant.
type Result struct {
	Requirement string
	Name        string
	Outcome     string
	KilledBy    string // scenario
	Note        string
	Took        time.Duration
	Before      string // outcome of the try before, where this one is the second
}

// Good says whether the outcome is as it must be.
func (r Result) Good() bool { return r.Outcome == killed || r.Outcome == harmless }

func (r Result) bad() bool { return !r.Good() }

// wrong says that it is not only that nothing happened.
func (r Result) wrong() bool { return r.bad() && r.Outcome != neverActed }

// Lab runs mutants.
type Lab struct {
	Execd     string // path of the daemon's binary, for sandboxes
	StateRoot string // folder for the state of servers
	Image     string
	Processes bool // sandboxes are processes of this machine

	mu    sync.Mutex
	house *house // nil: not opened yet
}

// open gives the runtime that all servers share. Close lets go of it.
func (l *Lab) open(ctx context.Context) (*house, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.house != nil {
		return l.house, nil
	}
	var err error
	l.house, err = newHouse(ctx, l)
	return l.house, err
}

// Close lets go of what the servers of mutants shared.
func (l *Lab) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.house != nil {
		l.house.close()
		l.house = nil
	}
}

// Kill runs the scenarios that concern a mutant's requirement against it.
func (l *Lab) Kill(ctx context.Context, m Mutant, rows map[string]spec.Requirement) Result {
	began := time.Now()
	res := Result{Requirement: m.Requirement, Name: m.name()}
	var acted atomic.Int64
	caught := func(f report.Finding) bool {
		return f.Requirement == m.Requirement && (rows[m.Requirement].Operations.Concerns(f.Operation) || f.Operation == "")
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	r, wires, err := l.judge(ctx, m, &acted, conformance.Config{
		Only: []string{m.Requirement}, Edition: rows[m.Requirement].Edition,
		Found: func(f report.Finding) {
			if caught(f) {
				enough() // it is dead
			}
		},
	})
	res.Took = time.Since(began)
	switch {
	case err != nil:
		res.Outcome, res.Note = failed, err.Error()
		return res
	case acted.Load() == 0 && !slices.Contains(wires, true):
		res.Outcome = neverActed
	default:
		res.Outcome = survived
	}
	for _, f := range r.Findings {
		if caught(f) {
			res.KilledBy = f.Scenario
			if res.Outcome == survived {
				res.Outcome = killed
			}
			return res
		}
	}
	for _, req := range r.Requirements {
		if req.ID == m.Requirement {
			res.Note = strings.TrimSpace(req.Outcome + " " + req.Reason)
		}
	}
	return res
}

// Spare runs all that is quick against benign variants of one of the planes, all of them at once in one deployment.
// They have one result each, the same but for those that never acted: who of several caused a finding nobody can say.
func (l *Lab) Spare(ctx context.Context, batch []Benign, lifecycle bool) []Result {
	began := time.Now()
	m := Mutant{Requirement: "EX-"}
	cfg := conformance.Config{Except: []string{"EX-STREAM-18"}} // its scenario is silent for long
	if lifecycle {
		m.Requirement = "LC-"
		cfg.Groups = []string{"sandboxes", "listing", "pause", "endpoints", "lifecycle-auth"}
	}
	acts := make([]atomic.Int64, len(batch))
	for i, b := range batch {
		act := func() { acts[i].Add(1) }
		m.HTTP = behind(m.HTTP, b.HTTP, act)
		m.API = behind(m.API, b.API, act)
		m.Runtime = behind(m.Runtime, b.Runtime, act)
		if b.Wire.Name != "" {
			m.more = append(m.more, b.Wire)
		}
		if lifecycle && b.Expiry && !slices.Contains(cfg.Groups, "expiry") {
			cfg.Groups = append(cfg.Groups, "expiry")
		}
		if b.Silence {
			cfg.Except = nil
		}
		if !lifecycle {
			cfg.Groups = b.Groups // those of a batch are of the same
		}
	}
	r, wires, err := l.judge(ctx, m, nil, cfg)
	res := Result{Outcome: harmless, Took: time.Since(began)}
	switch {
	case err != nil:
		res.Outcome, res.Note = failed, err.Error()
	case len(r.Findings) > 0:
		res.Outcome = flagged
		for _, f := range r.Findings {
			res.Note += f.Requirement + ": " + f.Message + "; "
		}
	case r.Verdict != report.Conformant:
		res.Outcome, res.Note = failed, r.Reason
	}
	results := make([]Result, len(batch))
	for i, b := range batch {
		results[i] = res
		results[i].Requirement, results[i].Name = "benign", b.name()
		acted := acts[i].Load() > 0
		if b.Wire.Name != "" && len(wires) > 0 {
			acted, wires = wires[0], wires[1:]
		}
		if res.Good() && !acted {
			results[i].Outcome = neverActed
		}
	}
	return results
}

// behind puts one more decorator around what is decorated already; either may be nil.
func behind[T any](inner, outer func(next T, act func()) T, act func()) func(next T, act func()) T {
	switch {
	case outer == nil:
		return inner
	case inner == nil:
		return func(next T, _ func()) T { return outer(next, act) }
	default:
		return func(next T, ignored func()) T { return outer(inner(next, ignored), act) }
	}
}

const (
	apiKey = "mutant-api-key"
	token  = "mutant-execd-token"
)

// judge starts the deployment of a mutant, runs the suite against it, and takes it down. It says which of the faults on
// the wire acted, in their order.
func (l *Lab) judge(ctx context.Context, m Mutant, acted *atomic.Int64, cfg conformance.Config) (*report.Report, []bool, error) {
	act := func() {
		if acted != nil {
			acted.Add(1)
		}
	}
	var handler http.Handler
	var stop func()
	var err error
	if m.lifecycle() {
		handler, stop, err = l.server(ctx, m, act)
	} else {
		handler, stop, err = daemon(m)
	}
	if err != nil {
		return nil, nil, err
	}
	stop = sync.OnceFunc(stop)
	defer stop()
	if m.HTTP != nil {
		handler = m.HTTP(handler, act)
	}
	upstream := httptest.NewServer(handler)
	defer upstream.Close()
	address, err := url.Parse(upstream.URL)
	if err != nil {
		return nil, nil, err
	}
	front, proxies := upstream, []*mutant.Proxy(nil)
	faults := m.more
	if len(faults) == 0 {
		faults = []mutant.Fault{m.Wire}
	}
	for _, fault := range faults { // one behind the other
		proxy := mutant.New(address, fault)
		defer proxy.Close()
		front = httptest.NewServer(proxy)
		defer front.Close()
		if address, err = url.Parse(front.URL); err != nil {
			return nil, nil, err
		}
		proxies = append(proxies, proxy)
	}
	defer stop() // first of all: servers wait for their requests, and a fault may have kept one from seeing its client go
	wires := func() []bool {
		var acted []bool
		for _, p := range proxies {
			acted = append(acted, p.Acted())
		}
		return acted
	}

	cfg.Deadlines = judge.DefaultDeadlines()
	cfg.Deadlines.FirstSoon, cfg.Deadlines.LineSoon = 2*time.Second, 2*time.Second // a busy machine is no fault
	cfg.Deadlines.Stream, cfg.Deadlines.Change = 25*time.Second, 20*time.Second    // for what never ends
	if slices.Contains([]string{"EX-STREAM-14", "EX-STREAM-15"}, m.Requirement) {
		cfg.Deadlines.FirstSoon, cfg.Deadlines.LineSoon = 250*time.Millisecond, 250*time.Millisecond
	}
	if cfg.Only == nil { // benign variants, several whole runs at once
		cfg.Deadlines.First, cfg.Deadlines.Line, cfg.Deadlines.End = 20*time.Second, 20*time.Second, 20*time.Second
		cfg.Deadlines.FirstSoon, cfg.Deadlines.LineSoon, cfg.Deadlines.EndSoon = 20*time.Second, 20*time.Second, 20*time.Second
		cfg.Deadlines.Stream, cfg.Deadlines.Change = time.Minute, time.Minute
	}
	if m.Setup.Quick {
		cfg.Deadlines.Provision, cfg.Deadlines.Change, cfg.Deadlines.Answer = 30*time.Second, 10*time.Second, 10*time.Second
		cfg.Deadlines.Expire = 5 * time.Second
	}
	if m.lifecycle() {
		cfg.Profile, cfg.URL, cfg.APIKey, cfg.Image = conformance.Lifecycle, front.URL+"/v1", apiKey, l.Image
		if m.Setup.Inside {
			cfg.Profile = conformance.Full
		}
	} else {
		cfg.Profile, cfg.ExecdURL, cfg.ExecdToken = conformance.Execd, front.URL, token
		if m.Setup.NoToken {
			cfg.ExecdToken = ""
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	r, err := conformance.Run(ctx, cfg)
	if err != nil {
		return nil, wires(), fmt.Errorf("run the suite: %w", err)
	}
	if err := r.Validate(); err != nil {
		return nil, wires(), fmt.Errorf("the report: %w", err)
	}
	return r, wires(), nil
}
