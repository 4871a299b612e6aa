package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes the table, or only what is not as it must be at the first try, and the totals, and says whether all is
// as it must be.
func Print(w io.Writer, results []Result, quiet bool) bool {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	count, second := map[string]int{}, map[string]int{}
	good := true
	for _, r := range results {
		count[r.Outcome]++
		if r.Before != "" {
			second[r.Outcome]++
		}
		good = good && r.Good()
		if quiet && r.Good() && r.Before == "" {
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Requirement, r.Outcome, r.Name, r.said())
	}
	_ = table.Flush() // to a terminal or a buffer
	of := func(outcome string) string {
		if n := second[outcome]; n > 0 && (outcome == killed || outcome == harmless) {
			return fmt.Sprintf("%d %s (%d on a second try)", count[outcome], words[outcome], n)
		}
		return fmt.Sprintf("%d %s", count[outcome], words[outcome])
	}
	fmt.Fprintf(w, "%s, %s, %s, %s; benign: %s, %s\n",
		of(killed), of(survived), of(neverActed), of(failed), of(harmless), of(flagged))
	return good && len(results) > 0
}

// words say the outcomes in a sentence.
var words = map[string]string{
	killed: "killed", survived: "survived", neverActed: "never acted", failed: "failed",
	harmless: "without a finding", flagged: "flagged",
}

// said is what there is to say of a result beside its outcome.
func (r Result) said() string {
	text := r.KilledBy + r.Note
	if r.Before != "" {
		text = strings.TrimSpace(text + " (on a second try; before: " + r.Before + ")")
	}
	return text
}
