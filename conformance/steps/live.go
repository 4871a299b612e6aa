package steps

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// lateness is how long each line took from its cause to its event.
type lateness []time.Duration

func (l lateness) worst() time.Duration {
	worst := time.Duration(0)
	for _, d := range l {
		worst = max(worst, d)
	}
	return worst
}

func (w *World) live(s *register) {
	s.step(`I run until I answer each line: (.*)`, w.dialogue)
	s.step(`each line came within the deadline of its being written`, func(context.Context) error {
		return w.timely(w.Target.Book.Deadlines.Line)
	})
	s.step(`each line came very soon after its being written`, func(context.Context) error {
		return w.timely(w.Target.Book.Deadlines.LineSoon)
	})
	s.step(`I run until the first line: (.*)`, w.leaveAtFirstLine)
	s.step(`the process of that line ends within (\d+) s`, func(ctx context.Context, seconds int) error {
		return w.ends(ctx, w.vars["line"], seconds)
	})
	s.step(`the process named in "(.*)" ends within (\d+) s`, func(ctx context.Context, path string, seconds int) error {
		pid, err := w.quiet(ctx, "cat '"+w.expand(path)+"'")
		if err != nil {
			return err
		}
		return w.ends(ctx, pid, seconds)
	})
	s.step(`the text "(.*)" came at least (\d+) ms before the end`, func(_ context.Context, text string, least int) error {
		if w.last.Stream == nil {
			return w.check(false, "there was no stream", "events", w.answer())
		}
		for _, e := range w.last.Stream.Events {
			if got, _ := e.Value["text"].(string); e.Type == "stdout" && strings.HasPrefix(got, text) {
				ahead := w.last.Stream.Ended.Sub(e.At)
				return w.check(ahead >= time.Duration(least)*time.Millisecond, "a prompt was held back",
					fmt.Sprintf("at least %d ms before the end", least), fmt.Sprintf("%d ms before", ahead.Milliseconds()))
			}
		}
		return w.check(false, "a prompt did not come", quoted(text), fmt.Sprintf("%.200q", w.out.stdout))
	})
}

func (w *World) ends(ctx context.Context, pid string, seconds int) error {
	over, err := w.vanishes(ctx, pid, time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	return w.check(over, "a process goes on", fmt.Sprintf("its end within %d s", seconds), "process "+pid+" is still there")
}

// leaveAtFirstLine runs a command and hangs up as soon as its first line has come.
func (w *World) leaveAtFirstLine(ctx context.Context, command string) error {
	fields := map[string]any{"command": w.expand(command)}
	r := judge.Object(fields)
	r.OnEvent = func(e stream.Event) bool {
		if text, _ := e.Value["text"].(string); e.Type == "stdout" {
			w.vars["line"] = strings.TrimSpace(text)
			return false
		}
		return true
	}
	err := w.run(ctx, r)
	if err == nil && w.vars["line"] == "" {
		return unjudged("the command wrote no line")
	}
	return err
}

// dialogue runs a command that waits behind each line until the suite has made a file: go1 after the first, and so
// on. How long each line took from the moment that its way was free is kept. A stream that holds lines back never
// gets further, and is left when the deadline is over.
func (w *World) dialogue(ctx context.Context, command string) error {
	const lines = 3
	c, err := w.execd(ctx)
	if err != nil {
		return err
	}
	trip, err := w.roundTrip(ctx, c)
	if err != nil {
		return err
	}
	arrived := make(chan time.Time, 64)
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	var failure error // of the command, once finished is closed
	finished := make(chan struct{})
	fields := map[string]any{"command": w.expand(command)}
	r := judge.Object(fields)
	r.Rough = true
	r.OnEvent = func(e stream.Event) bool {
		if e.Type == "stdout" || e.Type == "stderr" {
			select {
			case arrived <- e.At:
			default:
			}
		}
		return true
	}
	main := w.beside() // the answers go out beside the stream
	go func() {
		defer close(finished)
		failure = main.run(ctx, r)
	}()
	w.late = nil
	free := time.Now()
	limit := w.Target.Book.Deadlines.Line + w.Target.Book.Deadlines.First
	for i := 1; i <= lines; i++ {
		select {
		case at := <-arrived:
			w.late = append(w.late, max(0, at.Sub(free)-trip))
		case <-time.After(limit):
			w.late = append(w.late, limit)
			leave(errEnough)
			<-finished
			w.last = main.last
			return nil
		case <-finished:
			w.last = main.last
			if failure != nil {
				return failure
			}
			return unjudged("the command ended before its line %d", i)
		}
		free = time.Now()
		if _, err := w.quiet(ctx, fmt.Sprintf(": > %s/go%d", w.vars["dir"], i)); err != nil {
			leave(errEnough)
			<-finished
			return err
		}
	}
	<-finished
	w.last, w.out = main.last, main.out
	return failure
}

var errEnough = fmt.Errorf("the suite has seen enough: %w", context.Canceled)

func (w *World) timely(limit time.Duration) error {
	worst := w.late.worst()
	return w.check(len(w.late) > 0 && worst <= limit, "a line came late",
		"at most "+limit.String()+" after it was written", worst.Round(time.Millisecond).String())
}

// roundTrip measures what a request costs by itself, so that a far deployment is not called slow.
func (w *World) roundTrip(ctx context.Context, c *judge.Client) (time.Duration, error) {
	last := w.last
	defer func() { w.last = last }()
	x, err := w.do(ctx, c, judge.Request{Operation: c.Document.Operation("ping"), Method: http.MethodGet})
	if err != nil {
		return 0, err
	}
	return x.Ended.Sub(x.Began), nil
}
