package report

// Outcomes of a run whose failures were expected.
const (
	AsExpected = "as-expected" // nothing failed but what was expected to, and nothing else is left open
	Unexpected = "unexpected"  // something failed that was not expected to
	Stale      = "stale"       // something holds now that was expected to fail
)

// Baseline is how the run compares with a file of expected failures. The verdict is what it would be without it; only
// the exit status differs.
type Baseline struct {
	File      string          `json:"file"`
	Outcome   string          `json:"outcome"` // as-expected, unexpected, stale or inconclusive
	Reason    string          `json:"reason"`
	Known     []BaselineEntry `json:"known"`     // they fail, as expected
	Stale     []BaselineEntry `json:"stale"`     // they hold now
	NotJudged []BaselineEntry `json:"notJudged"` // nothing can be said of them
}

// BaselineEntry is one expected failure.
type BaselineEntry struct {
	Requirement string `json:"requirement"`
	Operation   string `json:"operation,omitempty"` // only there; absent: wherever it is broken
	Reason      string `json:"reason"`
}

// String names the entry.
func (e BaselineEntry) String() string {
	if e.Operation == "" {
		return e.Requirement
	}
	return e.Requirement + " " + e.Operation
}

func (b *Baseline) exitStatus() int {
	switch b.Outcome {
	case AsExpected:
		return 0
	case Unexpected, Stale:
		return 1
	default:
		return 3
	}
}
