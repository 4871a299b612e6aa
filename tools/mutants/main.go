// Command mutants runs every mutant: deployments that are broken on purpose, each of which the suite must catch, and
// benign variants, which it must leave alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func main() {
	pattern := flag.String("run", "", "only mutants whose requirement and name match this expression")
	plane := flag.String("plane", "all", "execd, lifecycle, or all")
	processes := flag.Bool("processes", false, "run sandboxes as processes of this machine, though a Docker engine answers")
	parallel := flag.Int("parallel", 14, "how many at once")
	execdPath := flag.String("execd", filepath.Join("bin", "execd"), "the daemon's binary, for sandboxes")
	quiet := flag.Bool("quiet", false, "print only what is not as it must be, and the totals")
	image := flag.String("image", localImage, "image of the sandboxes")
	flag.Parse()
	expr, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants: -run:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lab := &Lab{Execd: *execdPath, Image: *image}
	if *plane != "execd" && (*processes || !engineAnswers(ctx)) {
		if os.Getenv("OPENSANDBOX_REQUIRE_DOCKER") == "1" && !*processes {
			fmt.Fprintln(os.Stderr, "mutants: no Docker engine answers; tools/docker-up starts one")
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "the mutants of the lifecycle API run sandboxes as processes of this machine")
		lab.Processes, lab.Image = true, process.Image
	}
	progress := io.Writer(os.Stderr)
	if *quiet {
		progress = io.Discard
	}
	results, err := lab.Run(ctx, *plane, *parallel, expr, progress)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
	if !Print(os.Stdout, results, *quiet) {
		os.Exit(1)
	}
}

// Run runs the mutants and benign variants of a plane whose names match, and says each result as it comes.
func (l *Lab) Run(ctx context.Context, plane string, parallel int, expr *regexp.Regexp, progress io.Writer) ([]Result, error) {
	ledger, err := spec.Ledger()
	if err != nil {
		return nil, err
	}
	rows := map[string]spec.Requirement{}
	for _, row := range ledger {
		rows[row.ID] = row
	}
	jobs := jobs(plane, expr)
	var mu sync.Mutex // guards progress
	say := func(r Result, note string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(progress, "%-11s %-14s %s (%s)%s %s\n", r.Outcome, r.Requirement, r.Name, r.Took.Round(time.Millisecond), note, r.Note)
	}
	first := make([]Result, len(jobs))
	var both errgroup.Group
	for _, slow := range []bool{true, false} { // those that wait for expiries are many at once, beside the rest
		both.Go(func() error {
			var g errgroup.Group
			if g.SetLimit(parallel); slow {
				g.SetLimit(waiting)
			}
			for i, j := range jobs {
				if j.slow != slow {
					continue
				}
				g.Go(func() error {
					first[i] = j.run(ctx, l, rows)
					say(first[i], "")
					return ctx.Err()
				})
			}
			return g.Wait()
		})
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	// What is not as it must be is run again, alone: deadlines that a busy machine misses prove nothing, and of several
	// variants that were tried at once one may be in the way of another.
	var results []Result
	var again func(j job, before Result)
	again = func(j job, before Result) {
		if j.parts == nil {
			r := j.run(ctx, l, rows)
			say(r, " again, alone; before: "+before.Outcome)
			results = append(results, r)
			return
		}
		for _, half := range j.parts() {
			r := half.run(ctx, l, rows)
			say(r, " again, in halves; before: "+before.Outcome)
			if r.Good() || half.parts == nil {
				results = append(results, r)
			} else if ctx.Err() == nil {
				again(half, r)
			}
		}
	}
	for i, j := range jobs {
		if first[i].Good() {
			results = append(results, first[i])
		} else if ctx.Err() == nil {
			again(j, first[i])
		}
	}
	return results, ctx.Err()
}

// waiting is how many mutants wait for sandboxes to end by themselves at once.
const waiting = 12

type job struct {
	id    string
	slow  bool // it mostly waits
	run   func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) Result
	parts func() []job // its halves, where it is several things; nil: it is one
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
		add(m.lifecycle(), job{id: m.Requirement + " " + m.name(), run: func(ctx context.Context, l *Lab, rows map[string]spec.Requirement) Result {
			return l.Kill(ctx, m, rows)
		}}, takesLong(m.Requirement))
	}
	for _, lifecycle := range []bool{false, true} {
		for _, waits := range []bool{false, true} {
			var batch []Benign
			for _, b := range Variants(lifecycle) {
				if (b.Expiry || b.Silence) == waits && expr.MatchString("benign "+b.name()) {
					batch = append(batch, b)
				}
			}
			// Neighbours are often of one kind, and in each other's way: each batch takes every n-th.
			n := (len(batch) + atOnce - 1) / atOnce
			for first := range n {
				var few []Benign
				for k := first; k < len(batch); k += n {
					few = append(few, batch[k])
				}
				add(lifecycle, sparing(few, lifecycle), lifecycle && waits)
			}
		}
	}
	return all
}

// atOnce is how many benign variants are tried in one deployment.
const atOnce = 6

func sparing(batch []Benign, lifecycle bool) job {
	j := job{id: "benign", run: func(ctx context.Context, l *Lab, _ map[string]spec.Requirement) Result {
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

// engineAnswers says whether there is a Docker engine to run sandboxes.
func engineAnswers(ctx context.Context) bool {
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return false
	}
	defer engine.Close()
	_, err = engine.Ping(ctx)
	return err == nil
}

// Print writes the table, or only what is not as it must be, and the totals, and says whether all is as it must be.
func Print(w io.Writer, results []Result, quiet bool) bool {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	count := map[string]int{}
	good := true
	for _, r := range results {
		count[r.Outcome]++
		good = good && r.Good()
		if quiet && r.Good() {
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Requirement, r.Outcome, r.Name, r.KilledBy+r.Note)
	}
	_ = table.Flush() // to a terminal or a buffer
	fmt.Fprintf(w, "%d killed, %d survived, %d never acted, %d failed; benign: %d without a finding, %d flagged\n",
		count[killed], count[survived], count[neverActed], count[failed], count[harmless], count[flagged])
	return good && len(results) > 0
}
