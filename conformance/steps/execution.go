package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// started is an execution whose stream is read while the scenario goes on.
type started struct {
	leave context.CancelCauseFunc
	news  chan struct{} // holds one word at most: something came
	done  chan struct{} // closed when the stream has ended; exchange and err are set then

	exchange *exchange.Exchange
	err      error

	mu  sync.Mutex
	out output
}

func (w *World) executions(s *register) {
	s.step(`I start: (.*)`, func(ctx context.Context, command string) error {
		return w.start(ctx, "runCommand", map[string]any{"command": w.expand(command)}, nil)
	})
	s.step(`I start, over a pause: (.*)`, func(ctx context.Context, command string) error {
		// Whether the stream outlives the pause is nobody's requirement.
		return w.start(ctx, "runCommand", map[string]any{"command": w.expand(command)}, func(r *judge.Request) { r.Rough = true })
	})
	s.step(`nothing more comes, for (\d+) s`, w.standsStill)
	s.step(`it has written "(.*)"`, func(ctx context.Context, text string) error {
		limit := w.Target.Book.Deadlines.Line + w.Target.Book.Deadlines.First
		came := w.until(ctx, limit, func(o *output) bool { return strings.Contains(joined(o.stdout), text) })
		return w.check(came, "what was written did not come", quoted(text)+" within "+limit.String(), w.soFar())
	})
	s.step(`I make the file "(.*)", and in time (stdout|stderr) has "(.*)"`, w.answerInTime)
	s.step(`it has written a line, its process`, func(ctx context.Context) error {
		if !w.until(ctx, w.Target.Book.Deadlines.Line+w.Target.Book.Deadlines.First, func(o *output) bool { return joined(o.stdout) != "" }) {
			return unjudged("it did not say its process")
		}
		w.begun.mu.Lock()
		defer w.begun.mu.Unlock()
		w.vars["line"] = strings.TrimSpace(joined(w.begun.out.stdout))
		return nil
	})
	s.step(`it ends within (\d+) s`, func(ctx context.Context, seconds int) error {
		limit := time.Duration(seconds) * time.Second
		if w.since.IsZero() {
			w.since = time.Now()
		}
		over := w.finish(ctx, limit-time.Since(w.since)) && w.last.Ended.Sub(w.since) <= limit
		w.since = time.Time{}
		if w.begun != nil && w.begun.err != nil {
			return w.begun.err
		}
		return w.check(over, "an execution goes on", fmt.Sprintf("its end within %d s", seconds), w.soFar())
	})
	s.step(`it has a terminal event`, func(context.Context) error {
		return w.check(w.out.last != "", "the stream has no terminal event", "execution_complete or error", strings.Join(w.out.types, " "))
	})
	s.step(`it has not ended`, func(context.Context) error {
		if w.begun == nil {
			return unjudged("nothing was started")
		}
		select {
		case <-w.begun.done:
			return w.check(false, "an execution was ended that is none of it", "that it goes on", w.soFar())
		default:
			return w.check(true, "", "", "")
		}
	})
	s.step(`the stream shows a sign of life`, func(context.Context) error {
		alive := w.last.Stream != nil && (w.last.Stream.Comments > 0 || slices.Contains(w.last.Stream.Types(), "ping"))
		return w.check(alive, "a long silence", "a comment or a ping event after 15 s", "nothing")
	})
	s.step(`it was never silent for longer than (\d+) ms`, func(_ context.Context, most int) error {
		if w.last.Stream == nil {
			return w.check(false, "there was no stream", "events", w.answer())
		}
		silence := w.last.Stream.Silence
		return w.check(silence <= time.Duration(most)*time.Millisecond, "the stream was silent for long", fmt.Sprintf("at most %d ms", most), fmt.Sprintf("%d ms", silence.Milliseconds()))
	})
	s.step(`the text of init is "(.*)"`, func(_ context.Context, want string) error {
		return w.check(w.out.init == w.expand(want), "the text of init is another", quoted(w.expand(want)), quoted(w.out.init)+w.why())
	})
	s.step(`the stream has the events`, func(_ context.Context, table *godog.Table) error {
		want := table.Rows[0].Cells[0].Value
		got := slices.DeleteFunc(slices.Clone(w.out.types), func(kind string) bool {
			return kind == "ping" || kind == "status" || !contract.KnownEvent(w.Target.ExecdDocument, kind)
		})
		return w.check(strings.Join(got, " ") == want, "the events are others", want, strings.Join(got, " ")+w.why())
	})
}

// start begins an execution and waits for its first event: its id is then ${id}.
func (w *World) start(ctx context.Context, id string, fields map[string]any, change func(*judge.Request)) error {
	op, c, err := w.operation(ctx, id)
	if err != nil {
		return err
	}
	w.stopBegun()
	w.since = time.Time{}
	s := &started{news: make(chan struct{}, 1), done: make(chan struct{})}
	ctx, s.leave = context.WithCancelCause(context.WithoutCancel(ctx)) // it outlives the step; End ends it
	r := judge.Object(fields)
	r.Operation, r.OnEvent = op, s.take
	if change != nil {
		change(&r)
	}
	side := w.beside() // the scenario's own exchanges go on
	go func() {
		defer close(s.done)
		s.exchange, s.err = side.do(ctx, c, r)
	}()
	w.begun = s
	first := w.until(ctx, w.Target.Book.Deadlines.First, func(o *output) bool { return o.init != "" })
	select {
	case <-s.done:
		if s.err != nil {
			return s.err
		}
		if !first {
			w.finish(ctx, 0)
			return unjudged("the execution did not begin: %s", w.soFar())
		}
	default: // it goes on; where nothing has come by now the checks that follow say so
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.vars["id"] = s.out.init
	return nil
}

// beside is the scenario for requests that are made at the same time as its own: what they say and name is kept apart.
func (w *World) beside() *World {
	side := *w
	side.vars = maps.Clone(w.vars)
	return &side
}

func (s *started) take(e stream.Event) bool {
	s.mu.Lock()
	s.out.take(e)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return true
}

// until waits until what has come is what is asked for; it says whether that was in time.
func (w *World) until(ctx context.Context, within time.Duration, test func(*output) bool) bool {
	if w.begun == nil {
		return false
	}
	s := w.begun
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		s.mu.Lock()
		ok := test(&s.out)
		s.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-s.news:
		case <-s.done:
			s.mu.Lock()
			defer s.mu.Unlock()
			return test(&s.out)
		case <-limit.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// standsStill checks that what was started writes nothing for a while. What was written before may still be on its way.
func (w *World) standsStill(ctx context.Context, seconds int) error {
	span := time.Duration(seconds) * time.Second
	count := func() (n int) {
		w.until(ctx, 0, func(o *output) bool { n = len(o.stdout); return true })
		return n
	}
	seen := count()
	late := func(o *output) bool { return len(o.stdout) > seen }
	for limit := time.Now().Add(w.Target.Book.Deadlines.Line); w.until(ctx, span, late); seen = count() {
		if time.Now().After(limit) {
			return w.check(false, "what should stand still goes on writing", "no line for "+span.String(), fmt.Sprintf("line %d and more", seen+1))
		}
	}
	if ctx.Err() != nil {
		return unjudged("interrupted")
	}
	return w.check(true, "", "", "")
}

// finish waits for the end of what was started, and makes it the latest exchange. What has not ended is left.
func (w *World) finish(ctx context.Context, within time.Duration) bool {
	if w.begun == nil {
		return false
	}
	s := w.begun
	limit := time.NewTimer(within)
	defer limit.Stop()
	over := true
	select {
	case <-s.done:
	case <-limit.C:
		over = false
	case <-ctx.Done():
		over = false
	}
	if !over {
		s.leave(errEnough)
		<-s.done
		s.err = nil // the suite itself left it
	}
	if s.exchange != nil {
		w.last = s.exchange
	}
	s.mu.Lock()
	w.out = s.out
	s.mu.Unlock()
	return over
}

// stopBegun leaves what was started and has not ended.
func (w *World) stopBegun() {
	if w.begun != nil {
		w.begun.leave(errEnough)
		<-w.begun.done
		w.begun = nil
	}
}

// soFar says what has come of what was started.
func (w *World) soFar() string {
	if w.begun == nil {
		return "nothing was started"
	}
	w.begun.mu.Lock()
	defer w.begun.mu.Unlock()
	text := fmt.Sprintf("so far: %.300s", strings.Join(w.begun.out.types, " "))
	select {
	case <-w.begun.done:
		if x := w.begun.exchange; x != nil && !x.OK() {
			return answered(x)
		}
	default:
	}
	return text
}

// answerInTime makes a file that what was started waits for, and checks how soon its answer comes. What making the
// file costs is not counted.
func (w *World) answerInTime(ctx context.Context, path, kind, text string) error {
	if _, err := w.quiet(ctx, ": > '"+w.expand(path)+"'"); err != nil {
		return err
	}
	limit := w.Target.Book.Deadlines.Line
	came := w.until(ctx, limit, func(o *output) bool {
		written := o.stdout
		if kind == "stderr" {
			written = o.stderr
		}
		return strings.Contains(joined(written), text)
	})
	return w.check(came, "what was written came late", quoted(text)+" within "+limit.String()+" of its being written", w.soFar())
}
