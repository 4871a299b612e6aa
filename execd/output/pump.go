package output

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

const (
	firstRead = 4 << 10   // most commands say little
	readSize  = 64 << 10  // what a pipe holds
	wideRead  = 256 << 10 // of one that was widened: who writes it need not wait while this is sent
)

// Sink is where output goes to.
type Sink struct {
	Stream *stream.Writer                   // takes it as events; nil: none
	Gone   func()                           // called when the stream takes no more: its client has gone away
	Record func(kind stream.Kind, p []byte) // takes it as bytes, before it is sent; nil: nothing does
	Drain  *Drain                           // takes what processes that were left behind go on writing to
}

// Pump hands on what comes through the pipes until the end of both, or until the time of EndAt has passed. When the
// client has gone it goes on reading, so that the process can come to its end.
func (p *Pair) Pump(sink Sink) {
	q := &pump{Pair: p, Sink: sink, buf: make([]byte, firstRead)}
	q.run()
	p.order.Close()
}

type pump struct {
	*Pair
	Sink
	buf []byte
}

func (p *pump) run() {
	for open := len(p.both); open > 0; {
		i := p.order.Next()
		if i < 0 {
			_ = p.order.Wait() // all that it may say is that one of the times has come
		}
		now := time.Now()
		if p.over(now) {
			p.rest()
			return
		}
		for j, h := range p.both {
			late := !h.partial.IsZero() && !now.Before(h.partial)
			if (i == j || late) && p.read(j, late) {
				open--
			}
		}
	}
}

// read reads from a pipe once, hands on what that gave, and tells whether that was the end. late says that the beginning
// of a line has waited long enough: what is there already may hold the line's end.
func (p *pump) read(i int, late bool) (ended bool) {
	h := p.both[i]
	if h.fd < 0 {
		return false // it has ended already
	}
	n, err := h.Read(p.buf)
	if n > 0 || late {
		p.hand(h, p.buf[:n], late)
	}
	switch {
	case n > 0:
		p.grow(h, n)
		p.order.Again(i)
	case err != unix.EAGAIN:
		p.partialAt(h, time.Time{})
		p.send(h.lines.End)
		h.Close()
		return true
	}
	return false
}

// grow makes room for the next read.
func (p *pump) grow(h *half, n int) {
	switch {
	case n >= readSize && !h.widened:
		if h.widened = true; h.widen() && len(p.buf) < wideRead {
			p.buf = make([]byte, wideRead)
		}
	case n == len(p.buf) && n < readSize:
		p.buf = make([]byte, readSize)
	}
}

// hand hands on what was read.
func (p *pump) hand(h *half, read []byte, late bool) {
	if p.Record != nil && len(read) > 0 {
		p.Record(h.kind, read)
	}
	if p.Stream == nil {
		return
	}
	at, waited, ended := time.Now(), h.lines.Waiting(), false
	p.send(func(b *stream.Batch) {
		ended = h.lines.Write(b, read)
		if late && !ended {
			h.lines.Partial(b)
		}
	})
	if !h.lines.Waiting() {
		p.partialAt(h, time.Time{})
	} else if !waited || ended {
		p.partialAt(h, at.Add(stream.PartialAfter))
	}
}

func (p *pump) send(fill func(*stream.Batch)) {
	if p.Stream != nil && p.Stream.Send(fill) != nil {
		p.Gone()
	}
}

// rest hands on what was in the pipes when the time was up, and no more: a process that was left behind may
// write for ever. From then on they are only emptied.
func (p *pump) rest() {
	for _, h := range p.both {
		if h.fd < 0 {
			continue // it has ended
		}
		for left := h.Buffered(); left > 0; {
			n, _ := h.Read(p.buf[:min(left, len(p.buf))])
			if n == 0 {
				break
			}
			p.hand(h, p.buf[:n], false)
			left -= n
		}
		p.send(h.lines.End)
		p.Drain.take(h.file())
	}
}
