package stream

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// run is stray text in lines that follow each other, blank lines aside: an
// error page is one breach, not one a line.
type run struct {
	open bool
	at   int // its place in Transcript.Faults, -1 where it was not kept
}

// bareLine reads a line that begins as an object: events of the dialect that
// leaves "data:" out, one or several, or an error body that got into the stream.
func (p *parser) bareLine(line []byte) {
	text := bytes.Trim(line, " \t")
	var bad []byte
	if !utf8.Valid(text) {
		bad = bytes.Clone(text)
		text = replaced(text)
	}
	for len(text) > 0 {
		o, err := decode(text)
		if err != nil || !p.isEvent(o.value) {
			p.strayText(text)
			return
		}
		one, next := text, []byte(nil)
		if o.rest > 0 {
			one, next = bytes.TrimRight(text[:o.rest], " \t"), text[o.rest:]
		}
		if bad != nil {
			p.notUTF8(len(p.t.Events), p.off, bad)
			bad = nil
		}
		p.bareEvent(one, o)
		text = next
	}
}

func (p *parser) bareEvent(text []byte, o object) {
	if p.twoInOne(text) {
		p.endBlock(p.block.at)
	}
	p.stray.open = false
	p.framing("events come as bare JSON objects, which a standard event-stream reader ignores",
		`"data: " before each event and a blank line after it`, text)
	e := Event{At: p.at, Data: bytes.Clone(text), Bare: true}
	p.separators(text, len(p.t.Events), p.off)
	p.take(&e, o, p.off)
	p.emit(e)
}

// isEvent tells an event from another object, such as an error body.
func (p *parser) isEvent(value map[string]any) bool {
	if _, typed := value["type"]; typed || !p.opt.Untyped {
		return typed
	}
	_, code := value["code"].(string)
	_, message := value["message"].(string)
	return !code || !message
}

// strayText takes in a line that is no part of any event.
func (p *parser) strayText(line []byte) {
	if b := &p.block; b.lines > 0 {
		// It may be the rest of a text whose line end was not escaped.
		if b.stray == nil {
			f := p.strayFault(line)
			b.stray = &f
		} else {
			b.stray.Actual = extend(b.stray.Actual, line)
		}
		return
	}
	if p.stray.open {
		if p.stray.at >= 0 {
			f := &p.t.Faults[p.stray.at]
			f.Actual = extend(f.Actual, line)
		}
		return
	}
	p.stray = run{open: true, at: -1}
	if p.fault(p.strayFault(line)) {
		p.stray.at = len(p.t.Faults) - 1
	}
}

func (p *parser) strayFault(line []byte) Fault {
	n := len(p.t.Events)
	if p.block.lines > 0 {
		n++
	}
	message := fmt.Sprintf("text that is no event stands in the stream after %d events", n)
	if startsObject(line) {
		message = fmt.Sprintf("a JSON text that is no event stands in the stream after %d events", n)
	}
	return Fault{
		Kind: StrayText, Index: -1, Offset: p.off,
		Message: message, Expected: "events and comment lines only", Actual: clip(line),
	}
}

// extend adds a line to an Actual that is not full.
func extend(actual string, line []byte) string {
	if len(actual) >= maxActual {
		return actual
	}
	return clip(append([]byte(actual+"\n"), line[:min(len(line), maxActual)]...))
}
