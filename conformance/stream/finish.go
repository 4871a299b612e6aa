package stream

import (
	"bytes"
	"strings"
)

// finish judges what the end of the stream left open. The standard discards it
// (WHATWG HTML §9.2.6); it is kept in Partial, so that a finding can show it.
func (p *parser) finish(err error) {
	end := endOf(err)
	p.t.Err = err
	line := p.line
	p.line = nil
	if end == EndLimit {
		return // what is held is huge, and its end is not known
	}
	if len(line) > 0 {
		p.unfinished(p.withoutBOM(line), end == EndClean)
	}
	p.openBlock(end)
	switch end {
	case EndReader:
		return // this side ended it: nothing is missing
	case EndClean:
		if p.t.Partial != nil {
			p.truncated("the body ends inside an event, which a standard reader then discards",
				"a blank line after the last event")
		}
	case EndCut:
		p.truncated("the connection was closed before the body was complete", "the end of the body")
	case EndReset:
		p.truncated("the connection was reset before the body was complete", "the end of the body")
	default:
		p.truncated("the transfer broke off: "+err.Error(), "the end of the body")
	}
}

func (p *parser) truncated(message, expected string) {
	f := Fault{Kind: Truncated, Index: -1, Offset: p.t.Bytes, Message: message, Expected: expected}
	if e := p.t.Partial; e != nil {
		f.Actual = clip(e.Data)
	}
	p.fault(f)
}

// unfinished reads a last line that has no end. A bare object needs none: its
// dialect has no rule that the end could break.
func (p *parser) unfinished(line []byte, clean bool) {
	name, value, colon := bytes.Cut(line, []byte(":"))
	if startsObject(line) {
		if o, err := decode(replaced(line)); err == nil && (p.isEvent(o.value) || clean) {
			p.bareLine(line)
			return
		}
	}
	switch {
	case string(name) == "data":
		p.data(bytes.TrimPrefix(value, []byte(" ")))
	case !clean, isField(name), len(name) == 0:
	case !colon && strings.HasPrefix("data", string(line)), startsObject(line) && p.mayBeBare():
		p.t.Partial = &Event{Index: len(p.t.Events), At: p.at, Data: line, Bare: startsObject(line)}
	default:
		p.readLine(line)
	}
}

// mayBeBare tells whether the beginning of an object can be one of an event.
func (p *parser) mayBeBare() bool {
	return p.t.Has(Framing) || len(p.t.Events) == 0 && p.block.lines == 0
}

// openBlock looks at a block that no blank line ended.
func (p *parser) openBlock(end End) {
	b := &p.block
	if b.lines == 0 {
		return
	}
	o, err := decode(replaced(b.data))
	if p.noBlank && err == nil {
		p.endBlock(b.at)
		return
	}
	e := &Event{Index: len(p.t.Events), At: b.at, Data: replaced(b.data), Value: o.value}
	e.Type, _ = o.value["type"].(string)
	p.t.Partial = e
	if b.stray != nil && end == EndClean {
		p.fault(*b.stray)
	}
}
