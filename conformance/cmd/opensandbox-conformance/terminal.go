package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
)

// clearLine goes to the beginning of the line and empties it.
const clearLine = "\r\x1b[K"

// notable is after what time a scenario's own time is shown.
const notable = 3 * time.Second

// terminal shows on the last line what is being played, and above it what did not go well.
type terminal struct {
	out *os.File

	mu          sync.Mutex
	began       time.Time
	total, done int
	playing     []playing // the oldest first
	ending      bool

	stop func()
	over chan struct{}
}

type playing struct {
	scenario string
	since    time.Time
}

// progress makes cfg tell on standard output how the run goes on: in place where that is a terminal, else by one line
// for each scenario. The function that it returns ends it.
func progress(ctx context.Context, cfg *conformance.Config) func() {
	if !term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("TERM") == "dumb" || os.Getenv("CI") != "" {
		cfg.Progress = os.Stdout
		return func() {}
	}
	interrupted := ctx
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &terminal{out: os.Stdout, began: time.Now(), stop: stop, over: make(chan struct{})}
	go t.tick(ctx, interrupted)
	cfg.Watch = t
	return t.close
}

// tick draws once a second, so that the times go on.
func (t *terminal) tick(ctx, interrupted context.Context) {
	defer close(t.over)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	broken := interrupted.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-broken:
			broken = nil // it is told once
			t.change("", func() { t.ending = true })
		case <-second.C:
			t.change("", func() {})
		}
	}
}

func (t *terminal) close() {
	t.stop()
	<-t.over
	fmt.Fprint(t.out, clearLine)
}

// Expect takes how many scenarios there are.
func (t *terminal) Expect(scenarios int) { t.change("", func() { t.total = scenarios }) }

// Begin shows a scenario.
func (t *terminal) Begin(scenario string) {
	t.change("", func() { t.playing = append(t.playing, playing{scenario, time.Now()}) })
}

// End takes it away, and leaves a line where it did not go well.
func (t *terminal) End(p conformance.Played) {
	line := ""
	if p.Outcome != conformance.PlayedWell {
		line = p.String()
	}
	t.change(line, func() {
		t.done++
		if i := slices.IndexFunc(t.playing, func(other playing) bool { return other.scenario == p.Scenario }); i >= 0 {
			t.playing = slices.Delete(t.playing, i, i+1)
		}
	})
}

// change changes what is shown and draws it, with a line above it that stays.
func (t *terminal) change(line string, what func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what()
	if line != "" {
		line += "\n"
	}
	width, _, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	fmt.Fprint(t.out, clearLine+line+cut(t.status(time.Now()), width-1))
}

func (t *terminal) status(now time.Time) string {
	var names []string
	for _, p := range t.playing {
		name := p.scenario
		if took := now.Sub(p.since); took >= notable {
			name += fmt.Sprintf(" %d s", int(took.Seconds()))
		}
		names = append(names, name)
	}
	status := fmt.Sprintf("%d of %d, %d s", t.done, t.total, int(now.Sub(t.began).Seconds()))
	if t.ending {
		status += ", interrupted, cleaning up"
	}
	if len(names) > 0 {
		status += ": " + strings.Join(names, "; ")
	}
	return status
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:max(most-1, 0)]) + "…"
}
