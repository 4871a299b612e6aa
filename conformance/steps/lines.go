package steps

import (
	"fmt"
	"strconv"
	"strings"
)

// lineRun compares what was received with "word first", "word first+1", … up to last, line ends aside. It returns the
// first line that is not where it belongs.
func lineRun(got, word string, first, last int) (wrong int, want, found string, ok bool) {
	at := 0
	for i := first; i <= last; i++ {
		line := word + " " + strconv.Itoa(i)
		if !strings.HasPrefix(got[at:], line) {
			return i - first + 1, line, got[at:min(len(got), at+40)], false
		}
		at += len(line)
	}
	if at < len(got) {
		return last - first + 2, "nothing more", fmt.Sprintf("%d more bytes", len(got)-at), false
	}
	return 0, "", "", true
}
