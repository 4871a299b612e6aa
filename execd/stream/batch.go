package stream

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Kind is the type of an event that carries output or a word about it.
type Kind string

// The kinds of text events.
const (
	Init   Kind = "init"
	Status Kind = "status"
	Stdout Kind = "stdout"
	Stderr Kind = "stderr"
)

const (
	// maxLine is the most bytes of one line that one event carries.
	maxLine = 1 << 20
	// maxText is the most bytes that the text of an event takes once encoded: frames stay below 4 MiB.
	maxText = 4<<20 - 1<<10
)

// Batch gathers events that are sent together. It is only valid within Writer.Send.
type Batch struct {
	s     *Writer
	buf   []byte
	stamp int64

	kind   Kind   // what prefix was made for
	prefix []byte // the event up to its text
}

// Text adds an event of the kind. Bytes that are not UTF-8 become U+FFFD. A text that would take a frame of
// 4 MiB or more becomes several events.
func (b *Batch) Text(kind Kind, text []byte) {
	if len(text)*6 > maxText && escapedLen(text) > maxText {
		half := whole(text[:len(text)/2])
		b.Text(kind, text[:half])
		b.Text(kind, text[half:])
		return
	}
	b.use(kind)
	b.buf = append(b.buf, b.prefix...)
	b.buf = appendEscaped(b.buf, text)
	b.buf = append(b.buf, suffix...)
	if len(b.buf) >= writeSize {
		b.write()
	}
}

// suffix ends a text event.
const suffix = "\"}\n\n"

// use makes the prefix of a kind.
func (b *Batch) use(kind Kind) {
	if b.kind != kind {
		b.kind = kind
		b.prefix = append(b.open(b.prefix[:0], string(kind)), `,"text":"`...)
	}
}

// Object adds an event whose data is a JSON object that is ready made, on one line: one of another schema than
// ServerStreamEvent.
func (b *Batch) Object(json []byte) {
	b.buf = append(append(append(b.buf, "data: "...), json...), "\n\n"...)
}

// ExecutionCount adds the event that says the how-manieth run of its context this is (from 1).
func (b *Batch) ExecutionCount(n int) {
	b.event("execution_count", `,"execution_count":`, func(buf []byte) []byte { return strconv.AppendInt(buf, int64(n), 10) })
}

// Result adds an event with a value in one or more MIME types; "text" and "text/plain" are both set where
// one of them is. Binary values are base64 already.
func (b *Batch) Result(results map[string]string) {
	b.event("result", `,"results":{`, func(buf []byte) []byte {
		results := maps.Clone(results)
		plain, ok := results["text/plain"]
		if !ok {
			plain, ok = results["text"]
		}
		if ok {
			results["text"], results["text/plain"] = plain, plain
		}
		for i, mime := range slices.Sorted(maps.Keys(results)) {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(appendString(buf, mime), ':')
			buf = appendString(buf, results[mime])
		}
		return append(buf, '}')
	})
}

// Complete adds the terminal event of an execution that went well.
func (b *Batch) Complete(took time.Duration) {
	b.event("execution_complete", `,"execution_time":`, func(buf []byte) []byte {
		return strconv.AppendInt(buf, max(0, took.Milliseconds()), 10)
	})
}

// Failure is what an error event carries.
type Failure struct {
	Name      string   // of the exception or "CommandExecError"
	Value     string   // its message, or the exit code
	Traceback []string // lines; nil is sent as an empty list
}

// Error adds the terminal event of an execution that failed.
func (b *Batch) Error(f Failure) {
	b.event("error", `,"error":{"ename":`, func(buf []byte) []byte {
		buf = append(appendString(buf, f.Name), `,"evalue":`...)
		buf = append(appendString(buf, f.Value), `,"traceback":[`...)
		for i, line := range f.Traceback {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendString(buf, line)
		}
		return append(buf, "]}"...)
	})
}

func (b *Batch) event(kind, field string, value func([]byte) []byte) {
	b.buf = append(b.open(b.buf, kind), field...)
	b.buf = append(value(b.buf), "}\n\n"...)
}

// open begins an event with what all have: their type and time.
func (b *Batch) open(buf []byte, kind string) []byte {
	buf = append(buf, `data: {"type":"`...)
	buf = append(buf, kind...)
	buf = append(buf, `","timestamp":`...)
	return strconv.AppendInt(buf, b.stamp, 10)
}

func (b *Batch) write() {
	b.s.write(b.buf)
	b.buf = b.buf[:0]
}
