package stream

import (
	"bytes"
	"time"
)

// PartialAfter is how long the beginning of a line is held back for its end.
const PartialAfter = 100 * time.Millisecond

// Lines cuts what a process writes to one of its outputs into events: one a line, without its line end
// ("\n" or "\r\n"); an empty line is "\n". The caller sends the beginning of a line with Partial when its
// end does not come; the rest is then an event of its own, and a line end alone adds none. A character that
// was split over two reads stays together. A line of more than 1 MiB becomes several events.
type Lines struct {
	kind  Kind
	held  []byte // of the current line, not sent yet
	begun bool   // part of the current line was sent
}

var emptyLine = []byte{'\n'}

// NewLines makes the cutter of one output.
func NewLines(kind Kind) *Lines { return &Lines{kind: kind} }

// Write takes what was read and adds an event for each line that is complete. It tells whether any was.
func (l *Lines) Write(b *Batch, p []byte) (ended bool) {
	for short := true; ; {
		if short && len(l.held) == 0 && !l.begun {
			if n := b.shortLines(l.kind, p); n > 0 {
				p, ended = p[n:], true
			}
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.hold(b, p)
			return ended
		}
		line := p[:i]
		if len(l.held) > 0 || i > maxLine {
			l.hold(b, line)
			l.line(b, l.held)
			l.release(len(l.held))
		} else {
			l.line(b, line)
		}
		p, ended, short = p[i+1:], true, i < 8 // after a longer line mostly comes another
	}
}

// Waiting tells whether there is a part of a line that Partial would send.
func (l *Lines) Waiting() bool { return l.ready() > 0 }

// Partial sends the part of a line that is there.
func (l *Lines) Partial(b *Batch) {
	if n := l.ready(); n > 0 {
		l.part(b, n)
	}
}

// End sends what is left when no more will come.
func (l *Lines) End(b *Batch) {
	if len(l.held) > 0 {
		l.part(b, len(l.held))
	}
}

// ready is the length of what can be sent: a "\r" may be half of a line end, the beginning of a character
// half of it.
func (l *Lines) ready() int {
	n := whole(l.held)
	if n == len(l.held) && n > 0 && l.held[n-1] == '\r' {
		n--
	}
	return n
}

func (l *Lines) line(b *Batch, line []byte) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	switch {
	case len(line) > 0:
		b.Text(l.kind, line)
	case !l.begun:
		b.Text(l.kind, emptyLine)
	}
	l.begun = false
}

// hold keeps p for later and sends what would make the line too long for one event.
func (l *Lines) hold(b *Batch, p []byte) {
	for len(l.held)+len(p) > maxLine {
		n := maxLine - len(l.held)
		l.held = append(l.held, p[:n]...)
		p = p[n:]
		l.part(b, whole(l.held))
	}
	l.held = append(l.held, p...)
}

func (l *Lines) part(b *Batch, n int) {
	b.Text(l.kind, l.held[:n])
	l.begun = true
	l.release(n)
}

func (l *Lines) release(n int) {
	rest := l.held[n:]
	if cap(l.held) > 64<<10 && len(rest) < 1<<10 { // after a long line, not after each
		l.held = append([]byte(nil), rest...)
		return
	}
	l.held = append(l.held[:0], rest...)
}
