package stream

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// parser takes a stream apart as its bytes come (WHATWG HTML §9.2.5, §9.2.6).
type parser struct {
	opt     Options
	onEvent func(Event)
	t       *Transcript

	at      time.Time // when the bytes came that are looked at
	off     int64     // where in the body the current line begins
	line    []byte    // the beginning of a line whose end has not come
	afterCR bool      // an LF that comes now belongs to the CR before it
	begun   bool      // a line was read: no byte order mark can come

	block   block
	noBlank bool // events come without blank lines between them
	stray   run  // stray text that goes on
}

// block is what came since the last blank line.
type block struct {
	data  []byte    // data lines so far, joined by LF
	lines int       // how many data lines
	at    time.Time // when the last of them came
	off   int64     // where the first field begins
	size  int       // bytes of the complete lines
	long  bool      // FrameTooLong was said
	bad   []byte    // the first line that is not UTF-8
	other []string  // the fields that are not data, the first few
	mixed bool      // data was looked at and is not one complete object
	stray *Fault    // text among the data lines, not yet known to be apart from them
}

func newParser(o Options, onEvent func(Event)) *parser {
	if onEvent == nil {
		onEvent = func(Event) {}
	}
	return &parser{opt: o, onEvent: onEvent, t: &Transcript{Counts: map[Kind]int{}}}
}

// arrive sets the time for the bytes fed next.
func (p *parser) arrive(now time.Time) {
	if !p.at.IsZero() {
		p.t.Silence = max(p.t.Silence, now.Sub(p.at))
	}
	p.at = now
}

// feed reads the next bytes. A CR ends its line at once: waiting for an LF
// would hold an event back until the next one.
func (p *parser) feed(chunk []byte) error {
	for len(chunk) > 0 {
		if p.afterCR {
			p.afterCR = false
			if chunk[0] == '\n' {
				chunk = chunk[1:]
				p.off++
				continue
			}
		}
		end := lineEnd(chunk)
		if p.block.size+len(p.line)+end > p.opt.FrameLimit {
			if err := p.tooLong(p.block.size + len(p.line) + end); err != nil {
				return err
			}
		}
		if end == len(chunk) {
			p.line = append(p.line, chunk...)
			return nil
		}
		line := chunk[:end:end]
		if len(p.line) > 0 {
			p.line = append(p.line, line...)
			line = p.line
		}
		p.readLine(line)
		p.off += int64(len(line)) + 1
		p.afterCR = chunk[end] == '\r'
		chunk = chunk[end+1:]
		if p.line = p.line[:0]; cap(p.line) > 1<<20 {
			p.line = nil
		}
	}
	return nil
}

// lineEnd is where the first CR or LF stands, or the length.
func lineEnd(b []byte) int {
	for i, c := range b {
		if c == '\n' || c == '\r' {
			return i
		}
	}
	return len(b)
}

func (p *parser) tooLong(size int) error {
	if !p.block.long {
		p.block.long = true
		p.fault(Fault{
			Kind: FrameTooLong, Index: len(p.t.Events), Offset: p.frameStart(),
			Message:  "an event is longer than clients read",
			Expected: fmt.Sprintf("at most %d bytes", p.opt.FrameLimit),
			Actual:   fmt.Sprintf("more than %d bytes", p.opt.FrameLimit),
		})
	}
	if size > p.opt.HardLimit {
		return fmt.Errorf("read event stream: %w of %d bytes", ErrFrameTooLong, p.opt.HardLimit)
	}
	return nil
}

func (p *parser) frameStart() int64 {
	if p.block.lines > 0 {
		return p.block.off
	}
	return p.off
}

// readLine reads one line, without its end.
func (p *parser) readLine(line []byte) {
	line = p.withoutBOM(line)
	if len(line) == 0 {
		p.endBlock(p.at)
		return
	}
	name, value, colon := bytes.Cut(line, []byte(":"))
	switch {
	case len(name) == 0 && colon:
		p.comment(line)
	case isField(name):
		p.field(string(name), value, line)
	case startsObject(line):
		p.bareLine(line)
	case colon && !p.stray.open && isToken(name):
		p.field(string(name), value, line)
	default:
		p.strayText(line)
	}
}

func (p *parser) withoutBOM(line []byte) []byte {
	if !p.begun {
		line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		p.begun = true
	}
	return line
}

func (p *parser) comment(line []byte) {
	p.t.Comments++
	p.stray.open = false
	if !utf8.Valid(line) {
		p.notUTF8(-1, p.off, line)
	}
}

func (p *parser) field(name string, value, line []byte) {
	p.stray.open = false
	if name == "data" {
		p.data(bytes.TrimPrefix(value, []byte(" ")))
	} else if b := &p.block; len(b.other) < 4 && !slices.Contains(b.other, name) {
		if b.lines == 0 && len(b.other) == 0 {
			b.off = p.off
		}
		b.other = append(b.other, name)
	}
	p.block.size += len(line)
	if p.block.bad == nil && !utf8.Valid(line) {
		p.block.bad = bytes.Clone(line)
	}
}

func (p *parser) data(value []byte) {
	if p.twoInOne(value) {
		p.noBlank = true
		p.framing("events follow each other without a blank line between them",
			"a blank line after each event", value)
		p.endBlock(p.block.at)
	}
	b := &p.block
	if b.lines > 0 {
		b.data = append(b.data, '\n')
	} else if len(b.other) == 0 {
		b.off = p.off
	}
	b.data = append(b.data, value...)
	b.lines++
	b.at = p.at
}

// twoInOne tells whether the block holds a complete event already and the next
// line begins another: a blank line is missing, and joined the two are no JSON.
func (p *parser) twoInOne(next []byte) bool {
	b := &p.block
	if b.lines == 0 || b.mixed || !startsObject(next) {
		return false
	}
	if tail := bytes.TrimRight(b.data, " \t\n"); len(tail) == 0 || tail[len(tail)-1] != '}' {
		return false
	}
	o, err := decode(b.data)
	// No further line mends it once it is broken; looking again would cost n².
	b.mixed = err != nil || o.rest != 0
	return !b.mixed
}

func isField(name []byte) bool {
	switch string(name) {
	case "data", "event", "id", "retry":
		return true
	}
	return false
}

// isToken tells a name that someone may have meant as a field from prose with a
// colon in it: letters, digits, "-" and "_".
func isToken(name []byte) bool {
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(name) > 0
}

func startsObject(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	return len(text) > 0 && text[0] == '{'
}
