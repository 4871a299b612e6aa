package steps

import (
	"context"
	"regexp"

	"github.com/cucumber/godog"
)

// register takes the steps; each may begin with the id of the requirement that it checks.
type register struct {
	add func(pattern *regexp.Regexp, fn any)
}

func (r *register) step(pattern string, fn any) {
	r.add(regexp.MustCompile(`^(?:(?:LC|EX)-[A-Z0-9]+-\d\d: )?`+pattern+`$`), fn)
}

// Initialize gives a scenario its steps.
func (w *World) Initialize(sc *godog.ScenarioContext) {
	w.all(&register{add: func(pattern *regexp.Regexp, fn any) { sc.Step(pattern, fn) }})
	sc.StepContext().Before(func(ctx context.Context, st *godog.Step) (context.Context, error) {
		w.begin(st.Text)
		return ctx, nil
	})
}

// Patterns lists what the steps are recognised by.
func Patterns() []*regexp.Regexp {
	var all []*regexp.Regexp
	(&World{}).all(&register{add: func(pattern *regexp.Regexp, _ any) { all = append(all, pattern) }})
	return all
}

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
