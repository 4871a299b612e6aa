package output

import (
	"errors"
	"os"
	"time"

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

// Pump hands on what comes through the pipe until its end, or until the time of EndAt has passed. When the
// client has gone it goes on reading, so that the process can come to its end.
func (p *Pipe) Pump(sink Sink) {
	q := &pump{Pipe: p, Sink: sink, lines: stream.NewLines(p.kind)}
	q.run()
	q.send(q.lines.End)
}

type pump struct {
	*Pipe
	Sink
	lines *stream.Lines
}

func (p *pump) run() {
	buf, fixed := make([]byte, firstRead), false
	for {
		n, err := p.r.Read(buf)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if late && p.over() {
			p.rest(buf)
			return
		}
		if late { // what is there already may hold the line's end
			n, err = p.readNow(buf)
		}
		p.hand(buf[:n], late)
		if err != nil {
			p.r.Close()
			return
		}
		switch {
		case n < len(buf) || n >= wideRead || fixed:
		case n < readSize:
			buf = make([]byte, readSize)
		case p.widen():
			buf = make([]byte, wideRead)
		default:
			fixed = true
		}
	}
}

// hand hands on what was read; late says that the beginning of a line has waited long enough.
func (p *pump) hand(read []byte, late bool) {
	if p.Record != nil && len(read) > 0 {
		p.Record(p.kind, read)
	}
	if p.Stream == nil {
		return
	}
	at, waited, ended := time.Now(), p.lines.Waiting(), false
	p.send(func(b *stream.Batch) {
		ended = p.lines.Write(b, read)
		if late && !ended {
			p.lines.Partial(b)
		}
	})
	if !p.lines.Waiting() {
		p.partialAt(time.Time{})
	} else if !waited || ended {
		p.partialAt(at.Add(stream.PartialAfter))
	}
}

func (p *pump) send(fill func(*stream.Batch)) {
	if p.Stream != nil && p.Stream.Send(fill) != nil {
		p.Gone()
	}
}

// rest hands on what was in the pipe when the time was up, and no more: a process that was left behind may
// write for ever. From then on the pipe is only emptied.
func (p *pump) rest(buf []byte) {
	for left := p.buffered(); left > 0; {
		n, err := p.readNow(buf[:min(left, len(buf))])
		if n > 0 {
			p.hand(buf[:n], false)
		}
		if err != nil || n == 0 {
			break
		}
		left -= n
	}
	p.Drain.take(p.r)
}
