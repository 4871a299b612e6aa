package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// unhurried is how many deployments of benign variants are judged at once: a mutant may be late, a benign variant that is
// late is flagged.
const unhurried = 6

// job is a mutant, or some benign variants that are tried together.
type job struct {
	id   string
	of   lane
	slow bool // it waits for a sandbox or a command to end by itself
	run  func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) []Result
	part func(has func(i int) bool) job // some of it, where it is several things, in the order of its results
}

// lane is what a job runs beside.
type lane int

const (
	measuring lane = iota // how much of the processor sandboxes get: it is theirs alone
	daemons               // broken ones
	servers
	benign
)

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
	several := func(most int, of lane) error {
		var g errgroup.Group
		g.SetLimit(most)
		for _, slow := range []bool{true, false} { // what takes longest begins first
			for i, j := range jobs {
				if j.of != of || j.slow != slow {
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
	err := several(parallel, measuring)
	if err == nil { // none has two cores' worth of work: they wait beside each other
		var both errgroup.Group
		both.Go(func() error { return several(parallel, daemons) })
		both.Go(func() error {
			if err := several(parallel, servers); err != nil {
				return err
			}
			return several(min(parallel, unhurried), benign)
		})
		err = both.Wait()
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

// again runs a job alone: of several things those that did not act, or where something is wrong its halves, down to the
// one that is wrong by itself.
func (r *runner) again(ctx context.Context, j job, before []Result) []Result {
	run := func(j job) []Result {
		results := second(j.run(ctx, r.lab, r.rows), before)
		r.say(results)
		return results
	}
	if len(before) == 1 {
		return run(j)
	}
	if !slices.ContainsFunc(before, Result.wrong) {
		others := run(j.part(func(i int) bool { return before[i].bad() }))
		return append(slices.DeleteFunc(before, Result.bad), others...)
	}
	var all []Result
	for _, first := range []bool{true, false} {
		half := j.part(func(i int) bool { return (i < len(before)/2) == first })
		results := run(half)
		if ctx.Err() == nil && len(results) > 1 && slices.ContainsFunc(results, Result.wrong) {
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
	add := func(lifecycle bool, j job) {
		if (plane == "execd" && lifecycle) || (plane == "lifecycle" && !lifecycle) || !expr.MatchString(j.id) {
			return
		}
		all = append(all, j)
	}
	for _, m := range Mutants() {
		j := job{id: m.Requirement + " " + m.name(), of: daemons, slow: slices.Contains(takeLong, m.Requirement)}
		switch {
		case m.Requirement == "LC-LIMIT-03":
			j.of = measuring
		case m.lifecycle():
			j.of = servers
		}
		j.run = func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) []Result {
			return []Result{l.Kill(ctx, m, rows)}
		}
		add(m.lifecycle(), j)
	}
	for _, lifecycle := range []bool{true, false} { // theirs take longer
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
				j := sparing(few, lifecycle)
				j.slow = lifecycle && few[0].Expiry
				add(lifecycle, j)
			}
		}
	}
	return all
}

// takeLong are requirements whose scenarios wait for a sandbox or a command to end by itself, or wait in vain for a
// mutant's to end at all.
var takeLong = []string{
	"LC-EXPIRE-02", "LC-EXPIRE-03", "LC-RENEW-05", "LC-RENEW-06", "LC-DELETE-04", "LC-DELETE-07", "LC-CREATE-03",
	"EX-CMD-10", "EX-CMD-14", "EX-CODE-06", "EX-CODE-11", "EX-SESSION-09", "EX-STREAM-18", "EX-CONTEXT-09",
}

// atOnce is how many benign variants are tried in one deployment.
const atOnce = 9

// rivals are variants, by words in their names, that get in each other's way: no two of a list are tried together.
var rivals = [][]string{
	{"replace-counts", "properties of counts"},
	{"400 for a malformed Range", "416 for a malformed Range"},
	{"modified_at", "in whole seconds"},
	{"before Running", "create looks for the image", "entrypoints are looked at"},
}

// dealt deals variants out to batches, of which each takes every n-th: neighbours are often of one kind, and in each
// other's way.
func dealt(variants []Benign) [][]Benign {
	batches := make([][]Benign, (len(variants)+atOnce-1)/atOnce)
	for i, b := range variants {
		at := i % len(batches)
		for left := len(batches); left > 0 && slices.ContainsFunc(batches[at], b.disturbs); left-- {
			at = (at + 1) % len(batches)
		}
		if slices.ContainsFunc(batches[at], b.disturbs) {
			batches = append(batches, []Benign{b})
			continue
		}
		batches[at] = append(batches[at], b)
	}
	return batches
}

func (b Benign) disturbs(other Benign) bool {
	return slices.ContainsFunc(rivals, func(words []string) bool {
		named := func(name string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) })
		}
		return named(b.name()) && named(other.name())
	})
}

func sparing(batch []Benign, lifecycle bool) job {
	j := job{id: "benign", of: benign, run: func(ctx context.Context, l *Lab, _ map[string]spec.Requirement) []Result {
		return l.Spare(ctx, batch, lifecycle)
	}}
	for _, b := range batch {
		j.id += " " + b.name()
	}
	j.part = func(has func(i int) bool) job {
		var few []Benign
		for i, b := range batch {
			if has(i) {
				few = append(few, b)
			}
		}
		return sparing(few, lifecycle)
	}
	return j
}
