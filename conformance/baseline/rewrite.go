package baseline

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Rewrite makes the entries that a report asks for: those that it still needs or can't judge stay as they are, those
// that hold now go, and each error that none of them covers gets one. Warnings get one too where they count.
func (b *Baseline) Rewrite(r *report.Report, ledger []spec.Requirement, operations []*spec.Operation) (added, dropped []Entry) {
	var kept []Entry
	for _, e := range b.Entries {
		if b.state(e, r) == report.Held {
			dropped = append(dropped, e)
		} else {
			kept = append(kept, e)
		}
	}
	for _, f := range r.Findings {
		if f.Severity != report.Error && !r.Claim.Strict || slices.ContainsFunc(kept, func(e Entry) bool { return e.covers(f) }) {
			continue
		}
		e := Entry{Requirement: f.Requirement, Operation: f.Operation, Reason: "not explained yet: " + f.Message}
		if single(e, ledger) || e.check(ledger, operations) != nil {
			e.Operation = "" // it says nothing more than the requirement, or is no operation of the document
		}
		kept, added = append(kept, e), append(added, e)
	}
	b.Entries = kept
	return added, dropped
}

// single says whether the requirement of an entry is about one operation only.
func single(e Entry, ledger []spec.Requirement) bool {
	return slices.ContainsFunc(ledger, func(row spec.Requirement) bool {
		return row.ID == e.Requirement && len(row.Operations) == 1 && row.Operations[0] != "*"
	})
}

const heading = `# Failures that are expected. An entry that holds now breaks the run: take it out, or have this file rewritten by
# opensandbox-conformance baseline report.json --into FILE, which keeps the reasons.
`

// Write writes the file.
func (b *Baseline) Write(w io.Writer) error {
	var out bytes.Buffer
	out.WriteString(heading)
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	entries := b.Entries
	if entries == nil {
		entries = []Entry{}
	}
	if err := enc.Encode(entries); err != nil {
		return fmt.Errorf("write expected failures: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}
