package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// Stream sends the events of the run: the session's id, what the run writes, and its end. It waits until the
// session has done the runs that were there before. When ctx is done or the client has gone away it ends the run.
func (r *Run) Stream(ctx context.Context, s *stream.Writer) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.session.ended, func() { cancel(context.Cause(r.session.ended)) })()
	_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte(r.session.id)) })
	sink := output.Sink{Stream: s, Gone: func() { cancel(errGone) }, Drain: &r.session.m.drain}
	out, took := r.wait(ctx, sink)
	_ = s.Send(func(b *stream.Batch) {
		if out.status == 0 {
			b.Complete(took)
			return
		}
		b.Error(stream.Failure{Name: "CommandExecError", Value: strconv.Itoa(out.status), Traceback: out.words()})
	})
}

// wait waits for the turn of the run and then for its end.
func (r *Run) wait(ctx context.Context, sink output.Sink) (outcome, time.Duration) {
	s := r.session
	select {
	case <-s.turn:
	case <-ctx.Done():
		return outcome{status: -1, reason: context.Cause(ctx)}, 0
	}
	var pump sync.WaitGroup
	defer pump.Wait() // a client that reads slowly holds up no other run
	defer func() { s.turn <- struct{}{} }()
	if ctx.Err() != nil {
		return outcome{status: -1, reason: context.Cause(ctx)}, 0
	}
	started := time.Now()
	f, err := s.m.fifos()
	if err != nil {
		return outcome{status: -1, reason: err}, 0
	}
	pump.Go(func() { f.Pump(sink) })
	out, err := s.evaluate(ctx, r.spec, f.stdout, f.stderr)
	if err != nil {
		out = outcome{status: -1, reason: err}
	}
	f.remove()
	f.CloseChildren()
	f.EndAt(time.Now().Add(output.Grace))
	return out, time.Since(started)
}

// words say what the status can't.
func (o outcome) words() []string {
	var words []string
	switch {
	case errors.Is(o.reason, context.Canceled):
		words = append(words, errGone.Error())
	case o.reason != nil:
		words = append(words, o.reason.Error())
	case o.status < 0:
		words = append(words, "the session's shell was ended by a signal")
	default:
		words = append(words, "it exited with status "+strconv.Itoa(o.status))
	}
	if o.died && o.reason != errDeleted && o.reason != errStopped {
		words = append(words, "the shell ended with it: the session goes on as it was before this run")
	}
	return words
}

// fifos are what a run writes to: outputs that a shell opens by their names.
type fifos struct {
	*output.Pair
	stdout, stderr string
}

func (f *fifos) remove() {
	_ = os.Remove(f.stdout)
	_ = os.Remove(f.stderr)
}

func (m *Manager) fifos() (*fifos, error) {
	f := new(fifos)
	var err error
	if f.stdout, err = m.fifo(); err == nil {
		f.stderr, err = m.fifo()
	}
	if err == nil {
		f.Pair, err = output.OpenPair(f.stdout, f.stderr)
	}
	if err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// fifo makes a named pipe.
func (m *Manager) fifo() (string, error) {
	for again := false; ; again = true {
		root, err := m.dir.Root()
		if err != nil {
			return "", err
		}
		path := filepath.Join(root.Name(), strconv.FormatUint(m.made.Add(1), 10))
		err = unix.Mkfifo(path, 0o600)
		if errors.Is(err, os.ErrNotExist) && !again {
			m.dir.Lost()
			continue
		}
		if err != nil {
			return "", &os.PathError{Op: "make pipe", Path: path, Err: err}
		}
		return path, nil
	}
}
