package steps

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/cucumber/godog"
)

// register takes the steps; each may begin with the id of the requirement that it checks.
type register struct {
	add func(pattern string, fn any)
}

func (r *register) step(pattern string, fn any) { r.add(pattern, fn) }

// patterns are what the steps are recognised by, compiled once for all scenarios: there are many of both.
var patterns = sync.OnceValue(func() map[string]*regexp.Regexp {
	compiled := map[string]*regexp.Regexp{}
	(&World{}).all(&register{add: func(pattern string, _ any) {
		compiled[pattern] = regexp.MustCompile(`^(?:(?:LC|EX)-[A-Z0-9]+-\d\d: )?` + pattern + `$`)
	}})
	return compiled
})

// Initialize gives a scenario its steps.
func (w *World) Initialize(sc *godog.ScenarioContext) {
	compiled := patterns()
	w.all(&register{add: func(pattern string, fn any) { sc.Step(compiled[pattern], fn) }})
	sc.StepContext().Before(func(ctx context.Context, st *godog.Step) (context.Context, error) {
		w.begin(st.Text)
		return ctx, nil
	})
}

// Patterns lists what the steps are recognised by.
func Patterns() []*regexp.Regexp { return slices.Collect(maps.Values(patterns())) }

func (w *World) all(r *register) {
	w.calls(r)
	w.auth(r)
	w.capabilities(r)
	w.commands(r)
	w.executions(r)
	w.background(r)
	w.shellSessions(r)
	w.code(r)
	w.codeContexts(r)
	w.fields(r)
	w.tree(r)
	w.measurements(r)
	w.live(r)
	w.files(r)
	w.ranges(r)
	w.sandboxes(r)
	w.creation(r)
	w.metadata(r)
	w.limits(r)
	w.listing(r)
	w.expiry(r)
	w.endpoints(r)
	w.wrongs(r)
}
