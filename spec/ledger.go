package spec

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"gopkg.in/yaml.v3"
)

// LedgerFile is the name of the ledger of requirements.
const LedgerFile = "requirements.yaml"

// Level says how binding a requirement is.
type Level string

// The levels of the ledger.
const (
	Must   Level = "MUST"   // breaking it is an error
	Should Level = "SHOULD" // breaking it is a warning
)

// AnyGroup is the group of a requirement that holds for every operation of its API: a breach counts in the group of
// the operation that broke it.
const AnyGroup = "*"

// Requirement is one row of the ledger.
type Requirement struct {
	ID         string     `yaml:"id"`         // LC-AREA-NN or EX-AREA-NN, never used again for something else
	Level      Level      `yaml:"level"`      // MUST or SHOULD
	Group      string     `yaml:"group"`      // the group whose verdict it counts in
	Capability string     `yaml:"capability"` // core, or the optional capability that it belongs to
	Edition    string     `yaml:"edition"`    // the one edition in which it holds; empty: all
	Operations Operations `yaml:"operations"` // the operations that it concerns
	Source     string     `yaml:"source"`     // where it is said, outside this project
	Text       string     `yaml:"text"`       // the requirement in words
	Pitfall    string     `yaml:"pitfall"`    // what servers often get wrong there; empty: nothing useful can be said
	Aspect     Aspect     `yaml:"aspect"`     // what of every exchange or stream it is judged by; empty: by its scenarios alone
}

// Aspect is a side of every exchange or every event stream that a requirement is about: such a requirement is judged
// on all of them, whatever scenario makes them.
type Aspect string

// The aspects.
const (
	AsDocumented     Aspect = "documented"       // exchange: the document, as it stands
	AsRecommended    Aspect = "recommended"      // exchange: the document, with every x-should
	StreamFraming    Aspect = "framing"          // stream: events that a standard reader can see
	StreamText       Aspect = "text"             // stream: each event one JSON object, nothing else in the body
	StreamStyle      Aspect = "style"            // stream: one data line an event and no other field, escapes, size
	StreamEvents     Aspect = "events"           // stream: each event by the schema of its type
	StreamEventStyle Aspect = "event-style"      // stream: each event by the x-should of its type
	StreamTimestamps Aspect = "timestamps"       // stream: never smaller than the one before
	StreamOrder      Aspect = "order"            // stream: must of x-event-sequence
	StreamOrderStyle Aspect = "order-style"      // stream: should of x-event-sequence
	StreamEnd        Aspect = "end"              // stream: it ends cleanly, soon after its last event
	StreamEndSoon    Aspect = "end-soon"         // stream: it ends very soon after its last event
	StreamFirst      Aspect = "first-event"      // stream: the first event comes in time
	StreamFirstSoon  Aspect = "first-event-soon" // stream: the first event comes very soon
)

// Aspects lists every aspect.
func Aspects() []Aspect {
	return []Aspect{
		AsDocumented, AsRecommended, StreamFraming, StreamText, StreamStyle, StreamEvents, StreamEventStyle,
		StreamTimestamps, StreamOrder, StreamOrderStyle, StreamEnd, StreamEndSoon, StreamFirst, StreamFirstSoon,
	}
}

// Operations is a list of METHOD and path template, or all of them ("*").
type Operations []string

// UnmarshalYAML takes a list or the word "*".
func (o *Operations) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.Value == "*" {
		*o = Operations{"*"}
		return nil
	}
	var list []string
	if err := node.Decode(&list); err != nil {
		return err
	}
	*o = list
	return nil
}

// Concerns tells whether an operation is among these.
func (o Operations) Concerns(operation string) bool {
	return slices.Contains(o, "*") || slices.Contains(o, operation)
}

// Document names the document that the requirement belongs to.
func (r Requirement) Document() string {
	if r.ID[:2] == "LC" {
		return LifecycleFile
	}
	return ExecdFile
}

var idPattern = regexp.MustCompile(`^(LC|EX)-[A-Z0-9]+-[0-9]{2}$`)

// Ledger gives the requirements in the order of the file, read once; the list is the caller's own.
func Ledger() ([]Requirement, error) {
	rows, err := ledger()
	return slices.Clone(rows), err
}

var ledger = sync.OnceValues(func() ([]Requirement, error) {
	data, err := files.ReadFile(LedgerFile)
	if err != nil {
		return nil, err
	}
	return ReadLedger(data)
})

// ReadLedger reads a ledger from its text and checks each row by itself.
func ReadLedger(data []byte) ([]Requirement, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var rows []Requirement
	if err := dec.Decode(&rows); err != nil {
		return nil, fmt.Errorf("%s: %w", LedgerFile, err)
	}
	seen := map[string]bool{}
	for i := range rows {
		row := &rows[i]
		if row.Capability == "" {
			row.Capability = Core
		}
		switch {
		case !idPattern.MatchString(row.ID):
			return nil, fmt.Errorf("%s: row %d: id %q is not of the form LC-AREA-NN or EX-AREA-NN", LedgerFile, i+1, row.ID)
		case seen[row.ID]:
			return nil, fmt.Errorf("%s: %s stands there twice", LedgerFile, row.ID)
		case row.Level != Must && row.Level != Should:
			return nil, fmt.Errorf("%s: %s: level %q is neither MUST nor SHOULD", LedgerFile, row.ID, row.Level)
		case row.Level == Must && row.Source == "":
			return nil, fmt.Errorf("%s: %s: a MUST needs a source outside this project", LedgerFile, row.ID)
		case row.Aspect != "" && !slices.Contains(Aspects(), row.Aspect):
			return nil, fmt.Errorf("%s: %s: unknown aspect %q", LedgerFile, row.ID, row.Aspect)
		case row.Edition != "" && !slices.Contains(Editions(), row.Edition):
			return nil, fmt.Errorf("%s: %s: there is no edition %q; there are %v", LedgerFile, row.ID, row.Edition, Editions())
		case row.Group == "" || row.Text == "" || len(row.Operations) == 0:
			return nil, fmt.Errorf("%s: %s: group, text and operations are required", LedgerFile, row.ID)
		}
		seen[row.ID] = true
	}
	return rows, nil
}
