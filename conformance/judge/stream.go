package judge

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// aspectOf says which requirement a fault of the reader breaks.
var aspectOf = map[stream.Kind]spec.Aspect{
	stream.Framing: spec.StreamFraming, stream.Encoding: spec.StreamText, stream.NotJSON: spec.StreamText,
	stream.TrailingText: spec.StreamText, stream.StrayText: spec.StreamText, stream.Truncated: spec.StreamEnd,
	stream.DuplicateKey: spec.StreamStyle, stream.FrameTooLong: spec.StreamStyle, stream.LineSeparators: spec.StreamStyle,
	stream.MultiLineData: spec.StreamStyle, stream.OtherField: spec.StreamStyle,
}

// Unix milliseconds of the years 2001 and 2286: seconds, microseconds and nanoseconds lie outside, wrong clocks do not.
const leastStamp, mostStamp = 1e12, 1e13

// judgeStream judges a stream by everything that holds for all streams. A stream that the suite itself left early is
// judged by what it said until then.
func (b *Book) judgeStream(x *exchange.Exchange) {
	t := x.Stream
	faulty := map[spec.Aspect]bool{}
	for _, fault := range t.Faults {
		aspect := aspectOf[fault.Kind]
		faulty[aspect] = true
		b.aspect(aspect, x, false, fault.Message, fault.Expected, fault.Actual)
	}
	if t.Has(stream.OtherField) && len(t.Events) == 0 {
		faulty[spec.StreamFraming] = true
		b.aspect(spec.StreamFraming, x, false, "no event has a field data, the one that a standard reader looks at",
			"data: {…}", t.Faults[0].Actual)
	}
	for _, aspect := range []spec.Aspect{spec.StreamFraming, spec.StreamText, spec.StreamStyle} {
		if !faulty[aspect] {
			b.aspect(aspect, x, true, "", "", "")
		}
	}
	left := t.Err != nil && x.Left
	b.judgeFirst(x)
	if !left && !faulty[spec.StreamEnd] {
		b.judgeEnd(x)
	}
	if x.Operation == nil {
		return
	}
	if !sequenced(x.Operation) {
		b.judgeFrames(x)
		return
	}
	for _, event := range x.Stream.Events {
		kind := event.Type
		if !contract.KnownEvent(x.Document, kind) {
			kind = b.Redactor.Hide(kind) // a deployment may make a type of anything
		}
		b.Seen.Event(kind)
	}
	b.judgeEvents(x)
	b.judgeTimestamps(x)
	b.judgeOrder(x, left || x.OpenEnd)
}

// judgeFrames judges a stream of other things than events of an execution: each by the schema of the answer.
func (b *Book) judgeFrames(x *exchange.Exchange) {
	for _, reading := range []struct {
		aspect spec.Aspect
		level  spec.Level
	}{{spec.AsDocumented, spec.Must}, {spec.AsRecommended, spec.Should}} {
		var breaches []contract.Breach
		for _, event := range x.Stream.Events {
			if event.Value != nil {
				breaches = append(breaches, contract.Frame(x, reading.level, floats(event.Value))...)
			}
		}
		b.byDocument(x, reading.aspect, reading.level, breaches)
	}
}

func (b *Book) judgeFirst(x *exchange.Exchange) {
	t := x.Stream
	if len(t.Events) == 0 {
		return // the order says so
	}
	took := t.Events[0].At.Sub(x.Began)
	b.aspect(spec.StreamFirst, x, took <= b.Deadlines.First, "the first event came late", "within "+ms(b.Deadlines.First), "after "+ms(took))
	if x.Operation != nil {
		b.judgeFirstSoon(x, took)
	}
}

func (b *Book) judgeEnd(x *exchange.Exchange) {
	t := x.Stream
	if t.Err != nil {
		b.aspect(spec.StreamEnd, x, false, "the stream broke off", "a body that ends by itself", t.Err.Error())
		return
	}
	if len(t.Events) == 0 {
		return
	}
	took := t.Ended.Sub(t.LastEvent)
	b.aspect(spec.StreamEnd, x, took <= b.Deadlines.End, "the body went on after the last event",
		"its end within "+ms(b.Deadlines.End), "after "+ms(took))
	b.aspect(spec.StreamEndSoon, x, took <= b.Deadlines.EndSoon, "the body went on after the last event",
		"its end within "+ms(b.Deadlines.EndSoon), "after "+ms(took))
}

// judgeEvents judges each event by the schema of its type. Equal breaches of many events are one.
func (b *Book) judgeEvents(x *exchange.Exchange) {
	seen := map[string]bool{}
	broken := map[spec.Aspect]bool{}
	for i, event := range x.Stream.Events {
		if event.Value == nil || event.Type != "" && !contract.KnownEvent(x.Document, event.Type) {
			continue // what it does not know the document says nothing of
		}
		value := floats(event.Value)
		for _, reading := range []struct {
			aspect spec.Aspect
			level  spec.Level
		}{{spec.StreamEvents, spec.Must}, {spec.StreamEventStyle, spec.Should}} {
			schemas := contract.EventSchemas(x.Document, reading.level, event.Type)
			for _, schema := range schemas {
				for _, breach := range contract.Value(x.Document, reading.level, "the "+name(event.Type)+" event", schema, value) {
					if reading.level == spec.Should && broken[spec.StreamEvents] {
						continue
					}
					broken[reading.aspect] = true
					if seen[breach.Fold()] {
						continue
					}
					seen[breach.Fold()] = true
					for _, row := range b.rowsFor(reading.aspect, x) {
						b.Check(false, Evidence{
							Requirement: row.ID, Exchange: x, Message: breach.Message, Spec: breach.Spec,
							Expected: breach.Expected, Actual: fmt.Sprintf("event %d: %s", i+1, breach.Actual), Fold: breach.Fold(),
						})
					}
				}
			}
		}
	}
	for i, event := range x.Stream.Events {
		stamp, ok := floats(event.Value)["timestamp"].(float64)
		if ok && (stamp < leastStamp || stamp > mostStamp) && !broken[spec.StreamEvents] {
			broken[spec.StreamEvents] = true
			b.aspect(spec.StreamEvents, x, false, "a timestamp is not in Unix milliseconds",
				fmt.Sprintf("about %d", x.Began.UnixMilli()), fmt.Sprintf("event %d: %.0f", i+1, stamp))
		}
	}
	for _, aspect := range []spec.Aspect{spec.StreamEvents, spec.StreamEventStyle} {
		if !broken[aspect] && len(x.Stream.Events) > 0 {
			b.aspect(aspect, x, true, "", "", "")
		}
	}
}

func (b *Book) judgeTimestamps(x *exchange.Exchange) {
	last := float64(0)
	for i, event := range x.Stream.Events {
		stamp, ok := floats(event.Value)["timestamp"].(float64)
		if !ok {
			continue
		}
		if stamp < last {
			b.aspect(spec.StreamTimestamps, x, false, "a timestamp is smaller than the one before",
				fmt.Sprintf("at least %.0f", last), fmt.Sprintf("event %d: %.0f", i+1, stamp))
			return
		}
		last = stamp
	}
	b.aspect(spec.StreamTimestamps, x, true, "", "", "")
}

// judgeOrder checks the sequence of event types. Ping and types that the document does not know are left out of it.
func (b *Book) judgeOrder(x *exchange.Exchange, left bool) {
	sequence, found, err := x.Operation.Sequence(x.Fields)
	if err != nil || !found {
		return
	}
	var types []string
	for _, event := range x.Stream.Events {
		if event.Type != "ping" && contract.KnownEvent(x.Document, event.Type) {
			types = append(types, event.Type)
		}
	}
	if cut := x.Stream.Partial; cut != nil && cut.Value != nil && contract.KnownEvent(x.Document, cut.Type) {
		types = append(types, cut.Type) // it was said; that its blank line is missing is a finding of its own
	}
	for aspect, expr := range map[spec.Aspect]string{spec.StreamOrder: sequence.Must, spec.StreamOrderStyle: sequence.Should} {
		if expr == "" {
			continue
		}
		compiled, err := stream.CompileSequence(expr)
		if err != nil {
			continue // the lint of the documents compiles every one
		}
		mismatch := compiled.Check(types)
		if mismatch != nil && left && mismatch.Got == "" {
			mismatch = nil // what was missing may have been to come
		}
		if mismatch == nil {
			b.aspect(aspect, x, true, "", "", "")
			continue
		}
		got := "the end of the stream"
		if mismatch.Got != "" {
			got = fmt.Sprintf("%s as event %d", mismatch.Got, mismatch.Index+1)
		}
		b.aspect(aspect, x, false, "the events are not in the documented order: "+got+" came where it may not",
			fmt.Sprintf("%s (of %s)", strings.Join(mismatch.Want, " or "), expr), brief(types))
	}
}

func brief(types []string) string {
	if len(types) > 12 {
		types = append(append([]string{}, types[:6]...), append([]string{"…"}, types[len(types)-5:]...)...)
	}
	return strings.Join(types, " ")
}

func name(eventType string) string {
	if eventType == "" {
		return "typeless"
	}
	return eventType
}

// floats gives the numbers of an event as schemas are checked on.
func floats(value map[string]any) map[string]any {
	out := make(map[string]any, len(value))
	for key, v := range value {
		out[key] = float(v)
	}
	return out
}

func float(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case map[string]any:
		return floats(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = float(v[i])
		}
		return list
	default:
		return v
	}
}

// StreamOptions say how a stream of an operation is read: events of an execution have a type, frames of other things none.
func StreamOptions(op *spec.Operation) stream.Options {
	return stream.Options{Untyped: op != nil && !sequenced(op)}
}

func sequenced(op *spec.Operation) bool { return op.Must.Extensions[spec.ExtEventSequence] != nil }
