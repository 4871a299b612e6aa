package session

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// answerTime is how long a shell has to say what it must say at once.
const answerTime = 2 * time.Second

// turn is a run while it has the session's shell.
type turn struct {
	*process
	number  int
	standby task // the copy from before the run; zero: not told yet
	over    bool // the shell is done with the run
	there   bool // the copy has taken over
	died    bool // the shell has ended
	gone    bool // and every copy of it
	status  int
}

// take notes what the shell says.
func (t *turn) take(e event) {
	switch {
	case e.what == "standby" && e.which == t.number:
		t.standby, _ = readTask(e.value)
		t.standby.pid = e.value
	case e.what == "end" && e.which == t.number:
		t.over, t.status = true, e.value
	case e.what == "gone":
		t.gone = true
		if !t.died {
			t.died, t.status = true, -1
		}
	case e.which != t.generation: // of a shell that is not the session's any more
	case e.what == "shell":
		t.shell, t.there = e.value, true
	case e.what == "exit":
		t.died, t.status = true, e.value
	}
}

// poll takes what has been said already.
func (t *turn) poll() {
	for {
		select {
		case e := <-t.events:
			t.take(e)
		default:
			return
		}
	}
}

// await takes events until ok, false when the time is up.
func (t *turn) await(ok func() bool) bool {
	limit := time.NewTimer(answerTime)
	defer limit.Stop()
	for !ok() {
		select {
		case e := <-t.events:
			t.take(e)
		case <-limit.C:
			return false
		}
	}
	return true
}

// outcome is how a run ended.
type outcome struct {
	status int   // -1 where a signal or the daemon ended it
	reason error // why the daemon ended it; nil: it did not
	died   bool  // the shell has ended, and the session goes on as it was before the run
}

// evaluate makes the session's shell do a run and gives its outcome. When ctx is done the run is ended; its cause
// is the reason. The caller holds the turn.
func (s *session) evaluate(ctx context.Context, spec Spec, stdout, stderr string) (outcome, error) {
	if spec.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, spec.Timeout, fmt.Errorf("%w of %s", errTimeout, spec.Timeout))
		defer cancel()
	}
	for {
		t, err := s.ready()
		if err != nil {
			return outcome{}, err
		}
		out := s.attempt(ctx, t, spec, stdout, stderr)
		if begun := t.standby.pid > 0; begun || out.reason != nil || t.number == 1 {
			return out, nil
		}
		// The shell had been killed since the last run, and the next one is fresh.
	}
}

func (s *session) attempt(ctx context.Context, t *turn, spec Spec, stdout, stderr string) outcome {
	broken := make(chan error, 1)
	go func() { // a shell that has lost its way reads nothing; its pipe is closed then
		_, err := t.pipes.lines.WriteString(line(t.number, spec, stdout, stderr))
		broken <- err
	}()
	for !t.over && !t.died {
		select {
		case e := <-t.events:
			t.take(e)
		case <-ctx.Done():
			reason := context.Cause(ctx)
			if s.ended.Err() != nil || !t.interrupt() { // all is ended with the session, or must be
				s.abandon()
				<-broken //nolint:errcheck // that it has ended is all that counts
				endAll([]*process{t.process}, nil)
				return outcome{-1, reason, true}
			}
			out := s.finish(t)
			<-broken //nolint:errcheck // that it has ended is all that counts
			return outcome{-1, reason, out.died}
		}
	}
	out := s.finish(t)
	<-broken //nolint:errcheck // that it has ended is all that counts
	return out
}

// ready gives the turn that comes next, in a fresh shell where there is none.
func (s *session) ready() (*turn, error) {
	if s.shell != nil {
		t := &turn{process: s.shell, number: s.shell.runs + 1}
		if t.poll(); !t.died {
			t.runs++
			return t, nil
		}
		s.abandon()
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	s.shell.runs++
	return &turn{process: s.shell, number: s.shell.runs}, nil
}

// finish dismisses the copy where the shell lives on, else makes it take over.
func (s *session) finish(t *turn) outcome {
	out := outcome{status: t.status, died: t.died}
	if !t.died {
		t.dismiss()
		return out
	}
	if !t.await(func() bool { return t.standby.pid > 0 || t.gone }) || t.gone { // it had been killed before
		s.abandon()
		return out
	}
	t.generation, t.shell = t.number, 0
	_ = t.pipes.wake.SetWriteDeadline(time.Now().Add(answerTime)) // the pipe is empty
	_, _ = t.pipes.wake.WriteString("go\n")
	if t.await(func() bool { return t.there || t.gone }); !t.there { // the copy was killed too
		s.abandon()
	}
	return out
}

// dismiss ends the copy. It is killed, not told: the next one must not find what this one has not read yet.
func (t *turn) dismiss() {
	if now, ok := readTask(t.standby.pid); ok && now.started == t.standby.started {
		_ = syscall.Kill(t.standby.pid, syscall.SIGKILL)
	}
}

// interrupt ends what the run has started, and the shell too unless that ends the run by itself. It fails where
// it can't tell what belongs to the run.
func (t *turn) interrupt() bool {
	if !t.await(func() bool { return t.standby.started > 0 || t.over || t.died }) {
		return false
	}
	endAll([]*process{t.process}, t.own)
	return t.await(func() bool { return t.over || t.died })
}

// own is those of the processes that the run has started, and the shell while it is at the run.
func (t *turn) own(all []task) []task {
	t.poll()
	byID := map[int]task{}
	for _, of := range all {
		byID[of.pid] = of
	}
	return slices.DeleteFunc(all, func(of task) bool {
		if of.pid == t.shell {
			return t.over
		}
		for at, ok := of, true; ok && at.pid != t.shell; at, ok = byID[at.parent] {
			if at.pid == t.standby.pid || at.older(t.standby) {
				return true // it was there before, or is a child of such a one
			}
		}
		return false
	})
}

// abandon gives the shell up: the next run has a fresh one.
func (s *session) abandon() {
	s.shell.hangUp()
	s.past = append(s.past, s.shell)
	s.shell = nil
}
