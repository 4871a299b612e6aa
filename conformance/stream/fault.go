package stream

import (
	"strings"
	"unicode/utf8"
)

// Kind names a sort of breach.
type Kind string

// The kinds of breach that a stream can have.
const (
	// Framing: events that a standard reader cannot see, or sees as one: bare
	// JSON objects, or no blank line between events. At most one a stream.
	Framing Kind = "framing"
	// Encoding: bytes that are not UTF-8. At most one an event.
	Encoding Kind = "encoding"
	// NotJSON: data that does not begin with a JSON object.
	NotJSON Kind = "not-json"
	// TrailingText: data that goes on after its JSON object.
	TrailingText Kind = "trailing-text"
	// DuplicateKey: a name that is twice in one object; the last one is read.
	DuplicateKey Kind = "duplicate-key"
	// StrayText: text in the body that is no event, such as an error page or an
	// error body after the stream has begun. Lines of it that follow each other
	// are one breach.
	StrayText Kind = "stray-text"
	// Truncated: the body ended inside an event, or the transfer was cut. At
	// most one a stream, and none where the reader ended it.
	Truncated Kind = "truncated"
	// FrameTooLong: an event of more than Options.FrameLimit bytes.
	FrameTooLong Kind = "frame-too-long"
	// LineSeparators: U+2028, U+2029 or U+0085 as they are, not escaped.
	LineSeparators Kind = "line-separators"
	// MultiLineData: several data lines for one event.
	MultiLineData Kind = "multi-line-data"
	// OtherField: a field other than data. At most one an event and field.
	OtherField Kind = "other-field"
)

// Level says how binding a rule is.
type Level string

// The levels: breaking a Must is an error, breaking a Should is a warning.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

type rule struct {
	level  Level
	source string
}

var rules = map[Kind]rule{
	Framing:        {Must, "WHATWG HTML §9.2.6"},
	Encoding:       {Must, "WHATWG HTML §9.2.5"},
	NotJSON:        {Must, "API 2026-01"},
	TrailingText:   {Must, "RFC 8259 §2"},
	DuplicateKey:   {Should, "RFC 8259 §4"},
	StrayText:      {Must, "API 2026-01"},
	Truncated:      {Must, "WHATWG HTML §9.2.6, RFC 9112 §8"},
	FrameTooLong:   {Should, "client: a line limit of 4 MiB"},
	LineSeparators: {Should, "client: line readers split there"},
	MultiLineData:  {Should, "client: line readers take one line for one event"},
	OtherField:     {Should, "client: line readers know the data field only"},
}

// Level says how binding the rule is that a breach of this kind breaks.
func (k Kind) Level() Level { return rules[k].level }

// Source says where the rule stands.
func (k Kind) Source() string { return rules[k].source }

// Kinds lists all kinds, errors first, then by name.
func Kinds() []Kind {
	return []Kind{
		Encoding, Framing, NotJSON, StrayText, TrailingText, Truncated,
		DuplicateKey, FrameTooLong, LineSeparators, MultiLineData, OtherField,
	}
}

// Fault is one breach.
type Fault struct {
	Kind Kind
	// Index is the place of the event in Transcript.Events, -1 for a breach
	// that concerns no event of its own.
	Index int
	// Offset is where in the body the line begins that shows it, in bytes.
	Offset int64
	// Message is a sentence for people; Expected and Actual show the
	// difference, Actual cut to 300 bytes.
	Message, Expected, Actual string
}

const (
	maxActual = 300
	maxFaults = 20 // of one kind in a transcript: a server repeats its mistakes
)

// clip makes foreign bytes printable and short.
func clip(b []byte) string {
	short := b
	if len(short) > maxActual {
		short = short[:maxActual]
		for range utf8.UTFMax - 1 {
			if r, n := utf8.DecodeLastRune(short); r != utf8.RuneError || n != 1 {
				break
			}
			short = short[:len(short)-1]
		}
	}
	s := strings.ToValidUTF8(string(short), "\uFFFD")
	if len(short) < len(b) {
		s += "…"
	}
	return s
}
