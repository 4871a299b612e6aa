package driver

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
)

const (
	smallRead = 4 << 10  // contexts are idle most of the time
	largeRead = 64 << 10 // what a pipe holds
)

// outputs reads stdout and stderr of a process for as long as they are open, so that nothing that writes to them ever has
// to wait for the next piece of code. What comes while no piece runs belongs to none and is dropped.
type outputs struct {
	pipes [2]*output.Pipe
	order *output.Order
	gone  chan struct{} // closed when no more will come

	mu   sync.Mutex // held from a read until what was read has been handed on
	hand [2]func(p []byte)
	buf  []byte
}

func newOutputs() (*outputs, error) {
	o := &outputs{gone: make(chan struct{}), buf: make([]byte, smallRead)}
	var err error
	for i := range o.pipes {
		if o.pipes[i], err = output.NewPipe(); err != nil {
			o.close()
			return nil, err
		}
	}
	if o.order, err = output.NewOrder(o.pipes[0], o.pipes[1]); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// close gives the pipes up. Where run was called, that does it, once order is closed.
func (o *outputs) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.pipes {
		if p != nil {
			p.Close()
		}
	}
	if o.order != nil {
		o.order.Close()
	}
}

// to sets who takes what comes from now on; nil: no one. Who took it before gets nothing more once it has returned.
func (o *outputs) to(stdout, stderr func([]byte)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hand = [2]func([]byte){stdout, stderr}
}

// run reads until both pipes end or order is closed.
func (o *outputs) run() {
	defer close(o.gone)
	defer o.close()
	for open := len(o.pipes); open > 0; {
		i := o.order.Next()
		if i < 0 {
			if o.order.Wait() != nil {
				return
			}
			continue
		}
		switch n, err := o.read(i, largeRead); {
		case n > 0:
			o.order.Again(i)
		case err != unix.EAGAIN:
			open--
		}
	}
}

// drain returns when everything that is in the pipes now has been handed on, and no more: something may write for ever.
func (o *outputs) drain() {
	o.mu.Lock() // the other reader has handed on what it took out
	left := [2]int{o.pipes[0].Buffered(), o.pipes[1].Buffered()}
	o.mu.Unlock()
	o.order.Look()
	first := o.order.Queued()
	for _, i := range append(first, 0, 1) {
		for left[i] > 0 {
			n, _ := o.read(i, left[i])
			if n == 0 {
				left[i] = 0 // the other one was faster
			}
			left[i] -= n
		}
	}
}

// read reads up to limit bytes without waiting, and hands them on.
func (o *outputs) read(i, limit int) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.pipes[i].Read(o.buf[:min(limit, len(o.buf))])
	if n == 0 {
		return 0, err
	}
	if o.hand[i] != nil {
		o.hand[i](o.buf[:n])
	}
	switch {
	case n == len(o.buf) && n < largeRead:
		o.buf = make([]byte, largeRead)
	case n < smallRead && len(o.buf) > smallRead:
		o.buf = make([]byte, smallRead)
	}
	return n, err
}
