// Package output reads what processes write to their standard output and standard error, and hands it on as it
// comes: as events to a stream, and as bytes to whoever records it. It waits for no process that was left
// behind, and lets none die of a pipe that is gone.
package output

import (
	"os"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// Grace is how long output is waited for after the end of what wrote it, when a process that was left behind
// still holds the pipes.
const Grace = 250 * time.Millisecond

// Pair is the standard output and the standard error of a process.
type Pair struct {
	both  [2]*half
	order *Order

	mu  sync.Mutex
	end time.Time // when waiting for more ends
}

// half is one of the two.
type half struct {
	*Pipe
	kind    stream.Kind
	lines   *stream.Lines
	widened bool      // or it was tried
	partial time.Time // when the beginning of a line has waited long enough
}

// NewPair makes the pipes of a process.
func NewPair() (*Pair, error) { return pair(NewPipe, NewPipe) }

// OpenPair opens two named pipes.
func OpenPair(stdout, stderr string) (*Pair, error) {
	return pair(func() (*Pipe, error) { return OpenPipe(stdout) }, func() (*Pipe, error) { return OpenPipe(stderr) })
}

func pair(stdout, stderr func() (*Pipe, error)) (*Pair, error) {
	out, err := stdout()
	if err != nil {
		return nil, err
	}
	errs, err := stderr()
	if err != nil {
		out.Close()
		return nil, err
	}
	order, err := NewOrder(out, errs)
	if err != nil {
		out.Close()
		errs.Close()
		return nil, err
	}
	return &Pair{order: order, both: [2]*half{
		{Pipe: out, kind: stream.Stdout, lines: stream.NewLines(stream.Stdout)},
		{Pipe: errs, kind: stream.Stderr, lines: stream.NewLines(stream.Stderr)},
	}}, nil
}

// Children are the ends that the process writes to.
func (p *Pair) Children() (stdout, stderr *os.File) { return p.both[0].child, p.both[1].child }

// CloseChildren closes the daemon's copies of the ends that the process writes to; Pump ends no sooner.
func (p *Pair) CloseChildren() {
	for _, h := range p.both {
		h.child.Close()
	}
}

// Close gives the pair up where nothing was started that writes to it.
func (p *Pair) Close() {
	for _, h := range p.both {
		h.Close()
	}
	p.order.Close()
}

// EndAt sets the time after which Pump waits for no more.
func (p *Pair) EndAt(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = t
	p.wake()
}

// partialAt sets the time at which the beginning of a line is sent; zero: there is none.
func (p *Pair) partialAt(h *half, t time.Time) {
	if h.partial.Equal(t) { // only the reading goroutine changes it
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h.partial = t
	p.wake()
}

// wake makes waiting end at the earliest of the times.
func (p *Pair) wake() {
	first := p.end
	for _, h := range p.both {
		if first.IsZero() || !h.partial.IsZero() && h.partial.Before(first) {
			first = h.partial
		}
	}
	p.order.WaitUntil(first)
}

// over tells whether the time to wait for more has passed.
func (p *Pair) over(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.end.IsZero() && !now.Before(p.end)
}
