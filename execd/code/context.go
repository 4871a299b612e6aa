package code

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// killAfter is how long code has to end after an interrupt; then its interpreter is ended, as callers wait 10 s.
const killAfter = 7 * time.Second

// Context is an interpreter and the variables in it. When the interpreter dies the context lives on, and its next run
// gets a new one.
type Context struct {
	ID       string // not to be guessed
	Language string

	language Language
	turn     chan struct{} // holds a token while code runs; those who wait get it in the order in which they came
	deleted  chan struct{}

	mu     sync.Mutex
	ended  bool
	kernel Kernel   // nil: it has ended
	lost   string   // how it ended
	run    *running // nil: none
	count  int      // of runs, by all its interpreters
	before int      // of runs, before this interpreter
}

// running is the run that is under way.
type running struct {
	kernel Kernel
	kill   *time.Timer // nil: no interrupt came
	killed bool
}

// Run runs one piece of code when its turn comes, and sends its events: from init to its end. When ctx is done or the
// client has gone away the code is interrupted.
func (c *Context) Run(ctx context.Context, code string, s *stream.Writer) {
	_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte(c.ID)) }) // at once: clients give a stream some seconds to begin
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-c.deleted:
	case <-ctx.Done():
		return
	}
	if c.isDeleted() { // its turn may have come too
		c.fail(s, deleted)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kernel, err := c.ready(ctx, s)
	if err != nil {
		c.fail(s, stream.Failure{Name: "KernelStartError", Value: reason(err), Traceback: []string{"no interpreter can be started: " + reason(err)}})
		return
	}
	started := time.Now()
	r, out := c.begin(kernel), newSink(s, c.before, cancel)
	undo := context.AfterFunc(ctx, func() { c.hurry(r) })
	failure, err := kernel.Run(ctx, code, out)
	undo()
	out.end()
	err = c.over(r, err)
	switch {
	case err != nil && c.isDeleted():
		failure = &deleted
	case err != nil && failure == nil:
		failure = &stream.Failure{Name: "KernelDied", Value: reason(err), Traceback: []string{
			"the interpreter ended while it ran this code: " + reason(err), "Its variables are gone; the next run starts a new one."}}
	}
	if failure != nil {
		c.fail(s, *failure)
		return
	}
	_ = s.Send(func(b *stream.Batch) { b.Complete(time.Since(started)) })
}

var deleted = stream.Failure{Name: "ContextDeleted", Value: "the context was deleted", Traceback: []string{"the context was deleted, and its interpreter with it"}}

func (c *Context) fail(s *stream.Writer, f stream.Failure) {
	_ = s.Send(func(b *stream.Batch) { b.Error(fit(f)) })
}

// ready gives the interpreter, a new one where it has died; the status event says so.
func (c *Context) ready(ctx context.Context, s *stream.Writer) (Kernel, error) {
	c.mu.Lock()
	kernel := c.kernel
	c.mu.Unlock()
	if kernel != nil {
		mortal, ok := kernel.(interface {
			Ended() (how string, ended bool)
		})
		if !ok {
			return kernel, nil
		}
		how, ended := mortal.Ended() // between two runs
		if !ended {
			return kernel, nil
		}
		c.drop(kernel, how)
	}
	kernel, err := c.language.Start(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		kernel.Close()
		return nil, errors.New("the context was deleted")
	}
	c.kernel, c.before = kernel, c.count
	lost := c.lost
	c.mu.Unlock()
	_ = s.Send(func(b *stream.Batch) {
		b.Text(stream.Status, []byte("the interpreter had ended ("+lost+"): this is a new one, with new state"))
	})
	return kernel, nil
}

// drop gives up an interpreter that has ended.
func (c *Context) drop(kernel Kernel, how string) {
	kernel.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kernel, c.lost = nil, how
}

func (c *Context) begin(kernel Kernel) *running {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	c.run = &running{kernel: kernel}
	return c.run
}

// over ends a run, and says whether the interpreter has with it.
func (c *Context) over(r *running, err error) error {
	c.mu.Lock()
	c.run = nil
	if r.kill != nil {
		r.kill.Stop()
	}
	if r.killed {
		err = errors.New("it was ended, as its code went on after an interrupt for " + killAfter.String())
	}
	c.mu.Unlock()
	if err != nil {
		c.drop(r.kernel, reason(err))
	}
	return err
}

// hurry starts the time that code has after an interrupt.
func (c *Context) hurry(r *running) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != r || r.kill != nil {
		return
	}
	r.kill = time.AfterFunc(killAfter, func() {
		c.mu.Lock()
		r.killed = c.run == r
		killed := r.killed
		c.mu.Unlock()
		if killed {
			r.kernel.Close()
		}
	})
}

func (c *Context) interrupt() error {
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		return nil
	}
	c.hurry(r)
	return r.kernel.Interrupt()
}

func (c *Context) isDeleted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// end ends the interpreter. Only who took the context out of the list calls it.
func (c *Context) end() {
	c.mu.Lock()
	c.ended = true
	kernel := c.kernel
	c.mu.Unlock()
	close(c.deleted)
	if kernel != nil {
		kernel.Close()
	}
}
