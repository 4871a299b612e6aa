// Package report holds what a run of the suite says: report.json and its JSON Schema, and what people read of it: the
// text for a terminal, a page, a summary in Markdown, and JUnit.
//
// It decides nothing; package verdict does.
package report

import (
	"encoding/json"
	"io"
	"time"
)

// SchemaVersion is the version of report.json. Within a number the report is only ever extended.
const SchemaVersion = "1"

// Verdict words.
const (
	Conformant    = "conformant"    // all that was claimed and has a scenario was judged, and no MUST is broken
	Nonconformant = "nonconformant" // a MUST is broken, or a claimed group is not offered
	Inconclusive  = "inconclusive"  // it could not be judged
	NotOffered    = "not-offered"   // a group: all its operations answer 404, 405 or 501
	NotJudged     = "not-judged"    // a group: the suite has no scenario for it yet
	NotClaimed    = "not-claimed"   // a group: the run was told to leave it out
)

// Outcomes of a requirement.
const (
	Held    = "held"
	Broken  = "broken"
	Unknown = "not-judged"
	Skipped = "skipped"
)

// Severities of a finding.
const (
	Error   = "error"
	Warning = "warning"
)

// Report is report.json.
type Report struct {
	SchemaVersion string        `json:"schemaVersion"`
	Tool          Tool          `json:"tool"`
	StartedAt     time.Time     `json:"startedAt"`
	FinishedAt    time.Time     `json:"finishedAt"`
	Target        Target        `json:"target"`
	Claim         Claim         `json:"claim"`
	Verdict       string        `json:"verdict"`
	Reason        string        `json:"reason"`
	Stopped       string        `json:"stopped,omitempty"` // why the run as a whole ended before it was through
	Baseline      *Baseline     `json:"baseline,omitempty"`
	Groups        []Group       `json:"groups"`
	Summary       Summary       `json:"summary"`
	Findings      []Finding     `json:"findings"`
	Requirements  []Requirement `json:"requirements"`
	Seen          Seen          `json:"seen"`
	Client        *Client       `json:"client,omitempty"` // of traffic that was watched; absent: the suite made the requests
}

// Tool names the program that made the report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is what was judged.
type Target struct {
	URL          string            `json:"url"`
	Profile      string            `json:"profile"`
	Edition      string            `json:"edition"`
	Image        string            `json:"image,omitempty"`
	Capabilities map[string]string `json:"capabilities"` // name to "present", "absent" or "unknown"
}

// Claim is what the run was asked to judge, beside Target: enough to ask for it again.
type Claim struct {
	Groups       []string         `json:"groups,omitempty"`       // only these; absent: all
	Operations   []string         `json:"operations,omitempty"`   // only what concerns these; absent: all
	Capabilities []string         `json:"capabilities,omitempty"` // declared
	Strict       bool             `json:"strict,omitempty"`       // warnings count as errors
	Fast         bool             `json:"fast,omitempty"`         // without the group expiry
	Deadlines    map[string]int64 `json:"deadlines,omitempty"`    // name to milliseconds
	Seed         uint32           `json:"seed,omitempty"`         // of what wrong requests have that is chosen at random
}

// Group is the verdict on one group of operations.
type Group struct {
	Name       string   `json:"name"`
	Verdict    string   `json:"verdict"`
	Errors     int      `json:"errors"`
	Warnings   int      `json:"warnings"`
	Judged     int      `json:"judged"` // requirements held or broken
	Operations []string `json:"operations"`
}

// Summary is the report in numbers.
type Summary struct {
	Errors         int        `json:"errors"`
	Warnings       int        `json:"warnings"`
	Held           int        `json:"held"`
	Broken         int        `json:"broken"`
	NotJudged      int        `json:"notJudged"`
	Skipped        int        `json:"skipped"`
	Exchanges      int        `json:"exchanges"`
	CoreOperations Operations `json:"coreOperations"`
}

// Operations counts the core operations of the claimed groups.
type Operations struct {
	Judged          int      `json:"judged"`
	Total           int      `json:"total"`
	WithoutScenario []string `json:"withoutScenario"`
}

// Finding is one breach of a requirement, with what proves it.
type Finding struct {
	Requirement string `json:"requirement"`
	Text        string `json:"text"`
	Level       string `json:"level"`
	Severity    string `json:"severity"`
	Group       string `json:"group"`
	Operation   string `json:"operation"`
	Message     string `json:"message"`
	Source      string `json:"source"`
	Scenario    string `json:"scenario"`
	Exchange    string `json:"exchange"`
	Curl        string `json:"curl"`
	Expected    string `json:"expected"`
	Actual      string `json:"actual"`
	Spec        string `json:"spec"`
	Count       int    `json:"count"`
	Pitfall     string `json:"pitfall,omitempty"` // what servers often get wrong there
	Known       string `json:"known,omitempty"`   // the reason in the file of expected failures; absent: it is not expected
}

// Requirement is what became of one row of the ledger.
type Requirement struct {
	ID         string   `json:"id"`
	Level      string   `json:"level"`
	Group      string   `json:"group"`
	Text       string   `json:"text"`
	Source     string   `json:"source"`
	Operations []string `json:"operations"` // that it concerns; "*": all
	Outcome    string   `json:"outcome"`
	Checks     int      `json:"checks"`
	Reason     string   `json:"reason,omitempty"` // of not-judged and skipped
	Scenarios  []string `json:"scenarios"`
}

// ExitStatus is what the command exits with: 0 conformant, 1 nonconformant, 3 inconclusive. Where failures were
// expected, it is by what was not.
func (r *Report) ExitStatus() int {
	if r.Baseline != nil {
		return r.Baseline.exitStatus()
	}
	switch r.Verdict {
	case Conformant:
		return 0
	case Nonconformant:
		return 1
	default:
		return 3
	}
}

// WriteJSON writes report.json.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
