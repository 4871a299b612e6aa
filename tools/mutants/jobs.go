package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

const (
	waiting   = 12 // how many mutants wait for sandboxes to end by themselves at once
	unhurried = 3  // how many deployments of benign variants are judged at once
)

// job is a mutant, or some benign variants that are tried together.
type job struct {
	id     string
	slow   bool // it mostly waits
	benign bool
	run    func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) []Result
	parts  func() []job // its halves, where it is several things; nil: it is one
}

// Run runs the mutants and benign variants of a plane whose names match, and says each result as it comes. Beside an
// error it returns what there is so far.
//
// What is not as it must be is run once more, alone, after all others, and that outcome counts: deadlines that a busy
// machine misses prove nothing, and of several variants that were tried together one may be in the way of another.
func (l *Lab) Run(ctx context.Context, plane string, parallel int, expr *regexp.Regexp, progress io.Writer) ([]Result, error) {
	directInterpreters()
	defer l.Close()
	ledger, err := spec.Ledger()
	if err != nil {
		return nil, err
	}
	rows := map[string]spec.Requirement{}
	for _, row := range ledger {
		rows[row.ID] = row
	}
	r := &runner{lab: l, rows: rows, progress: progress}
	return r.all(ctx, jobs(plane, expr), parallel)
}

// runner runs jobs.
type runner struct {
	lab  *Lab
	rows map[string]spec.Requirement

	mu       sync.Mutex // guards progress
	progress io.Writer
}

func (r *runner) all(ctx context.Context, jobs []job, parallel int) ([]Result, error) {
	first := make([][]Result, len(jobs))
	several := func(most int, benign bool, slow ...bool) error {
		var g errgroup.Group
		g.SetLimit(most)
		for _, slow := range slow {
			for i, j := range jobs {
				if j.benign != benign || j.slow != slow {
					continue
				}
				g.Go(func() error {
					first[i] = j.run(ctx, r.lab, r.rows)
					r.say(first[i])
					return ctx.Err()
				})
			}
		}
		return g.Wait()
	}
	var both errgroup.Group
	both.Go(func() error { return several(waiting, false, true) }) // those that wait for expiries are beside the rest
	both.Go(func() error { return several(parallel, false, false) })
	err := both.Wait()
	if err == nil { // a mutant may be late; a benign variant that is late is flagged
		err = several(min(parallel, unhurried), true, true, false)
	}
	if err != nil {
		return slices.Concat(first...), err
	}
	var results []Result
	for i, j := range jobs {
		if !slices.ContainsFunc(first[i], Result.bad) {
			results = append(results, first[i]...)
			continue
		}
		if ctx.Err() != nil {
			continue
		}
		results = append(results, r.again(ctx, j, first[i])...)
	}
	return results, ctx.Err()
}

// again runs a job alone: what is several things in halves, down to the one that is wrong by itself.
func (r *runner) again(ctx context.Context, j job, before []Result) []Result {
	if j.parts == nil || !slices.ContainsFunc(before, Result.wrong) { // that some did not act is not for the others
		results := second(j.run(ctx, r.lab, r.rows), before)
		r.say(results)
		return results
	}
	var all []Result
	for _, half := range j.parts() {
		results := second(half.run(ctx, r.lab, r.rows), before)
		r.say(results)
		if ctx.Err() == nil && half.parts != nil && slices.ContainsFunc(results, Result.wrong) {
			results = r.again(ctx, half, results)
		}
		all = append(all, results...)
	}
	return all
}

// second marks results of a second try with the outcome of the one before.
func second(results, before []Result) []Result {
	for i := range results {
		for _, b := range before {
			if b.Name == results[i].Name {
				results[i].Before = b.Outcome
			}
		}
	}
	return results
}

func (r *runner) say(results []Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, res := range results {
		fmt.Fprintf(r.progress, "%-11s %-14s %s (%s) %s\n", res.Outcome, res.Requirement, res.Name, res.Took.Round(time.Millisecond), res.said())
	}
}

// jobs lists what there is to run.
func jobs(plane string, expr *regexp.Regexp) []job {
	var all []job
	add := func(lifecycle bool, j job, slow bool) {
		if (plane == "execd" && lifecycle) || (plane == "lifecycle" && !lifecycle) || !expr.MatchString(j.id) {
			return
		}
		j.slow = slow
		all = append(all, j)
	}
	for _, m := range Mutants() {
		add(m.lifecycle(), job{id: m.Requirement + " " + m.name(), run: func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) []Result {
			return []Result{l.Kill(ctx, m, rows)}
		}}, takesLong(m.Requirement))
	}
	for _, lifecycle := range []bool{false, true} {
		of := map[string][]Benign{} // by what is to be judged
		for _, b := range Variants(lifecycle) {
			if expr.MatchString("benign " + b.name()) {
				kind := fmt.Sprint(b.Groups, b.Expiry || b.Silence)
				if b.Alone {
					kind += b.name()
				}
				of[kind] = append(of[kind], b)
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(of)) {
			for _, few := range dealt(of[kind]) {
				add(lifecycle, sparing(few, lifecycle), lifecycle && few[0].Expiry)
			}
		}
	}
	return all
}

// atOnce is how many benign variants are tried in one deployment.
const atOnce = 6

// dealt deals variants out to batches, of which each takes every n-th: neighbours are often of one kind, and in each
// other's way.
func dealt(variants []Benign) [][]Benign {
	batches := make([][]Benign, (len(variants)+atOnce-1)/atOnce)
	for i, b := range variants {
		batches[i%len(batches)] = append(batches[i%len(batches)], b)
	}
	return batches
}

func sparing(batch []Benign, lifecycle bool) job {
	j := job{id: "benign", benign: true, run: func(ctx context.Context, l *Lab, _ map[string]spec.Requirement) []Result {
		return l.Spare(ctx, batch, lifecycle)
	}}
	for _, b := range batch {
		j.id += " " + b.name()
	}
	if half := len(batch) / 2; half > 0 {
		j.parts = func() []job { return []job{sparing(batch[:half], lifecycle), sparing(batch[half:], lifecycle)} }
	}
	return j
}

// takesLong says whether the scenarios of a requirement wait for a sandbox to end by itself.
func takesLong(requirement string) bool {
	switch requirement {
	case "LC-EXPIRE-02", "LC-EXPIRE-03", "LC-RENEW-05", "LC-RENEW-06":
		return true
	}
	return false
}
