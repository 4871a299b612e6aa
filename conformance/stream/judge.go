package stream

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// endBlock judges what came since the last blank line, and dispatches its event
// where it has one; at is when that was complete.
func (p *parser) endBlock(at time.Time) {
	b := p.block
	p.block = block{}
	index := -1
	if b.lines > 0 {
		index = len(p.t.Events)
	}
	if len(b.other) > 0 {
		p.fault(Fault{
			Kind: OtherField, Index: index, Offset: b.off,
			Message:  "an event has fields other than data",
			Expected: "one data line and no other field",
			Actual:   strings.Join(b.other, ", "),
		})
	}
	if b.bad != nil {
		p.notUTF8(index, b.off, b.bad)
	}
	if index < 0 {
		return
	}
	e := Event{At: at, Data: b.data}
	if e.Data == nil {
		e.Data = []byte{}
	}
	if b.bad != nil {
		e.Data = replaced(e.Data)
	}
	p.judgeData(&e, &b)
	p.emit(e)
}

// judgeData decodes an event's data. One cause is one fault: data that is
// broken is not blamed for its several lines, or for the stray text that a line
// end inside it made.
func (p *parser) judgeData(e *Event, b *block) {
	index := len(p.t.Events)
	p.separators(e.Data, index, b.off)
	o, err := decode(e.Data)
	switch {
	case err != nil:
		actual := clip(e.Data)
		if b.stray != nil {
			actual = extend(actual, []byte(b.stray.Actual))
		}
		p.fault(Fault{
			Kind: NotJSON, Index: index, Offset: b.off,
			Message:  "an event's data is not one JSON object: " + err.Error(),
			Expected: "one JSON object", Actual: actual,
		})
		return
	case o.rest > 0:
		p.fault(Fault{
			Kind: TrailingText, Index: index, Offset: b.off,
			Message:  fmt.Sprintf("an event's data goes on after its JSON object, at byte %d", o.rest),
			Expected: "one JSON object and nothing behind it", Actual: clip(e.Data[o.rest:]),
		})
	case b.lines > 1:
		p.fault(Fault{
			Kind: MultiLineData, Index: index, Offset: b.off,
			Message:  fmt.Sprintf("an event has %d data lines", b.lines),
			Expected: "one data line for each event", Actual: clip(e.Data),
		})
	}
	p.take(e, o, b.off)
	if b.stray != nil {
		p.fault(*b.stray)
	}
}

// take puts a decoded object into an event.
func (p *parser) take(e *Event, o object, off int64) {
	e.Value = o.value
	e.Type, _ = o.value["type"].(string)
	if o.twice != "" {
		p.fault(Fault{
			Kind: DuplicateKey, Index: len(p.t.Events), Offset: off,
			Message:  "a name is twice in one object: " + clip([]byte(o.twice)),
			Expected: "each name once", Actual: clip(e.Data),
		})
	}
}

func (p *parser) separators(data []byte, index int, off int64) {
	for _, r := range []string{"\u2028", "\u2029", "\u0085"} {
		if i := bytes.Index(data, []byte(r)); i >= 0 {
			p.fault(Fault{
				Kind: LineSeparators, Index: index, Offset: off,
				Message:  fmt.Sprintf("an event's data holds a raw %U, where line readers split", []rune(r)[0]),
				Expected: `an escape (\u2028, \u2029, \u0085)`,
				Actual:   clip(data[max(0, i-20):]),
			})
			return
		}
	}
}

func (p *parser) notUTF8(index int, off int64, line []byte) {
	p.fault(Fault{
		Kind: Encoding, Index: index, Offset: off,
		Message:  "the stream holds bytes that are not UTF-8",
		Expected: "UTF-8", Actual: clip(line),
	})
}

// framing says once how this stream's events miss the standard.
func (p *parser) framing(message, expected string, text []byte) {
	if p.t.Has(Framing) {
		return
	}
	p.fault(Fault{
		Kind: Framing, Index: len(p.t.Events), Offset: p.off,
		Message: message, Expected: expected, Actual: clip(text),
	})
}

// fault counts a breach, and keeps it where few of its kind came before.
func (p *parser) fault(f Fault) (kept bool) {
	p.t.Counts[f.Kind]++
	if p.t.Counts[f.Kind] > maxFaults {
		return false
	}
	p.t.Faults = append(p.t.Faults, f)
	return true
}

// emit adds an event, and lets go of an older one that need not be kept.
func (p *parser) emit(e Event) {
	t, kept := p.t, p.opt.MaxKept
	e.Index = len(t.Events)
	t.Events = append(t.Events, e)
	t.LastEvent = e.At
	if old := e.Index - kept; kept > 0 && old >= kept {
		t.Events[old].Data, t.Events[old].Value, t.Events[old].Released = nil, nil, true
	}
	p.onEvent(e)
}

// replaced is the text with U+FFFD for each byte that is not UTF-8.
func replaced(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return []byte(string([]rune(string(text))))
}
