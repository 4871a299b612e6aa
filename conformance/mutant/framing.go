package mutant

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// The constructors in this file change how a stream's events are written.

// BareFraming sends bare JSON objects, without "data:".
func BareFraming(m Match) Fault {
	return onEvents(m, "bare JSON objects", "*", func(f Frame) []Frame {
		f.Raw = slices.Concat(f.Data, []byte("\n\n"))
		return []Frame{f}
	})
}

// NoBlankLine leaves the blank line behind the events of a type out: of "*", no
// event is ever apart from the next; of the last type, the last is never
// complete.
func NoBlankLine(m Match, eventType string) Fault {
	return onEvents(m, "no blank line behind "+eventType, eventType, func(f Frame) []Frame {
		f.Raw = slices.Concat(bytes.TrimRight(f.Raw, "\r\n"), []byte("\n"))
		return []Frame{f}
	})
}

// MultiLineData sends each event over several data lines.
func MultiLineData(m Match) Fault {
	return onEvents(m, "several data lines an event", "*", func(f Frame) []Frame {
		var pretty bytes.Buffer
		if json.Indent(&pretty, f.Data, "", " ") != nil {
			return []Frame{f}
		}
		f.Raw = slices.Concat([]byte("data: "), bytes.ReplaceAll(pretty.Bytes(), []byte("\n"), []byte("\ndata: ")), []byte("\n\n"))
		return []Frame{f}
	})
}

// ExtraField sends a further line before the data of each event, such as
// "event: x", or with ": x" a comment.
func ExtraField(m Match, line string) Fault {
	return onEvents(m, "with the line "+strings.TrimSpace(line), "*", func(f Frame) []Frame {
		f.Raw = slices.Concat([]byte(line+"\n"), f.Raw)
		return []Frame{f}
	})
}

// Comments sends a comment block before each event: allowed.
func Comments(m Match, text string) Fault { return ExtraField(m, ": "+text+"\n") }

// DropComments leaves blocks out that hold no event.
func DropComments(m Match) Fault {
	return frameByFrame(m, "no comments", func(f Frame, act func()) []Frame {
		if f.Data != nil {
			return []Frame{f}
		}
		act()
		return nil
	})
}

// LineEnds writes the stream with other line ends, "\r" or "\r\n": allowed.
func LineEnds(m Match, end string) Fault {
	return frameByFrame(m, "other line ends", func(f Frame, act func()) []Frame {
		raw := bytes.ReplaceAll(bytes.ReplaceAll(f.Raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte(end))
		if !bytes.Equal(raw, f.Raw) {
			act()
		}
		f.Raw = raw
		return []Frame{f}
	})
}
