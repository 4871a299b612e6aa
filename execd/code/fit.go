package code

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// A frame of a stream has less than 4 MiB: what is longer is cut where that leaves sense, else left out.
const (
	largest  = 3 << 20 // of all values of an event, encoded
	longText = 1 << 20 // of one text that can be cut, encoded; a plain text is sent twice
)

// fitResults makes values fit into one event. The plain text is cut; another form is all or nothing.
func fitResults(results map[string]string) map[string]string {
	fitted, left := map[string]string{}, largest
	for _, mime := range []string{"text/plain", "text"} {
		if text, ok := results[mime]; ok {
			fitted[mime] = cut(text, longText)
			left = largest - 2*longText
			if len(text)*6 < longText/2 {
				left = largest - 12*len(text)
			}
		}
	}
	for _, mime := range slices.Sorted(maps.Keys(results)) {
		if _, ok := fitted[mime]; ok {
			continue
		}
		if n := encoded(results[mime], left); n <= left {
			fitted[mime] = results[mime]
			left -= n
		}
	}
	return fitted
}

// fit makes a failure fit into one event. Of a long traceback the last lines are kept.
func fit(f stream.Failure) stream.Failure {
	f.Name, f.Value = cut(f.Name, 1<<10), cut(f.Value, longText)
	lines, left := []string{}, longText
	for _, line := range slices.Backward(f.Traceback) {
		line = cut(line, longText/2)
		if left -= encoded(line, longText) + 3; left < 0 {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	f.Traceback = lines
	return f
}

// cut cuts a text that takes more than limit bytes when it is encoded.
func cut(text string, limit int) string {
	if len(text)*6 <= limit {
		return text
	}
	n, at := 0, 0
	for i, r := range text {
		if n += cost(r); n > limit {
			return text[:at] + "…"
		}
		at = i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			at = i + 1 // of one byte, as a rule
		}
	}
	return text
}

// encoded is at least the length of text as JSON, counted no further than limit.
func encoded(text string, limit int) int {
	if len(text) > limit {
		return len(text)
	}
	n := 0
	for _, r := range text {
		if n += cost(r); n > limit {
			break
		}
	}
	return n
}

func cost(r rune) int {
	switch {
	case r < 0x20 || r == 0x85 || r == 0x2028 || r == 0x2029:
		return 6
	case r == '"' || r == '\\':
		return 2
	}
	return utf8.RuneLen(r) // U+FFFD for a byte that is no UTF-8: 3
}
