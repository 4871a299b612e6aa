package stream

import "time"

// Event is one event of a stream.
type Event struct {
	// Index is the place in Transcript.Events, from 0.
	Index int
	// At is when the bytes that completed the event arrived.
	At time.Time
	// Data is the text that the event carried, as an event-stream reader hands
	// it on: data lines joined by LF, each byte that is not UTF-8 replaced.
	Data []byte
	// Value is Data as an object, numbers as json.Number; nil where Data does
	// not begin with one.
	Value map[string]any
	// Type is Value's property "type", empty where that is no string.
	Type string
	// Bare says that the event came as a bare JSON object, without "data:".
	Bare bool
	// Released says that Data and Value were let go of (see Options.MaxKept).
	Released bool
}

// Transcript is all that one stream said and did.
type Transcript struct {
	Events []Event
	// Partial is what the end of the stream cut off: a standard reader never
	// sees it (WHATWG HTML §9.2.6). Value is set where its text was complete.
	Partial *Event
	// Comments counts the comment lines, which keep a silent stream alive.
	Comments int
	// Faults are the breaches, in the order found, at most 20 of each kind.
	Faults []Fault
	// Counts says how many breaches of each kind there were in all.
	Counts map[Kind]int
	// Began is when reading began, LastEvent when the last event was complete
	// (zero without events), Ended when the end of the body was seen.
	Began, LastEvent, Ended time.Time
	// Silence is the longest time in which no byte came, the time before the
	// first and after the last one included.
	Silence time.Duration
	// Err says why reading stopped; nil is a clean end. See Transcript.End.
	Err error
	// Bytes is how much of the body was read.
	Bytes int64
}

// Types lists the type of every event, in order.
func (t *Transcript) Types() []string {
	types := make([]string, len(t.Events))
	for i, e := range t.Events {
		types[i] = e.Type
	}
	return types
}

// Has tells whether the stream has a fault of this kind.
func (t *Transcript) Has(k Kind) bool { return t.Counts[k] > 0 }
