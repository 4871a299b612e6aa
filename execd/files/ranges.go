package files

import (
	"fmt"
	"math"
	"strings"
)

// maxRanges is how many ranges of one request are honoured.
const maxRanges = 64

// selection is what a Range header asks for of a file of known size.
type selection struct {
	header    string // to serve, in the one spelling that net/http knows; "": the whole file
	satisfied bool   // false: every range lies outside
}

// selectRanges reads a Range header (RFC 9110 §14.2). What is not about bytes, can't be parsed, or asks for
// very many ranges is ignored, as if the header were not there.
func selectRanges(header string, size int64) selection {
	whole := selection{satisfied: true}
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return whole
	}
	var kept []string
	count := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue // a list may have empty elements (§5.6.1.2)
		}
		count++
		first, last, ok := parseRange(spec)
		switch {
		case !ok || count > maxRanges:
			return whole
		case first < 0 && last == 0: // the last 0 bytes
		case first < 0 && size == 0: // a suffix of an empty file is all of it, and no range can say so
			return whole
		case first < 0:
			kept = append(kept, fmt.Sprintf("-%d", min(last, size)))
		case first < size:
			kept = append(kept, fmt.Sprintf("%d-%d", first, min(last, size-1)))
		}
	}
	if count == 0 {
		return whole
	}
	if len(kept) == 0 {
		return selection{}
	}
	return selection{header: "bytes=" + strings.Join(kept, ","), satisfied: true}
}

// parseRange reads "first-last", "first-" or "-length" (first is then -1).
func parseRange(spec string) (first, last int64, ok bool) {
	a, b, ok := strings.Cut(spec, "-")
	if !ok || a == "" && b == "" {
		return 0, 0, false
	}
	first, last = -1, math.MaxInt64
	if a != "" {
		if first, ok = digits(a); !ok {
			return 0, 0, false
		}
	}
	if b != "" {
		if last, ok = digits(b); !ok {
			return 0, 0, false
		}
	}
	return first, last, last >= first
}

// digits reads a number that may be of any length: what is too large is as good as the largest.
func digits(s string) (int64, bool) {
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
