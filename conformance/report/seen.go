package report

// Seen is what the deployment showed in the run, right or wrong.
type Seen struct {
	Operations  []SeenOperation `json:"operations"` // every operation of the profile
	Events      []SeenEvent     `json:"events"`     // of the streams of executions
	Transitions []Transition    `json:"transitions"`
}

// SeenOperation counts the answers of one operation.
type SeenOperation struct {
	Operation    string         `json:"operation"`
	Group        string         `json:"group"`
	Documented   []string       `json:"documented"`             // statuses of its own in the document
	Statuses     map[string]int `json:"statuses"`               // status to count; empty: it was not asked for
	Undocumented []string       `json:"undocumented,omitempty"` // of Statuses: neither its own nor those of any request
}

// SeenEvent counts the events of one type.
type SeenEvent struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Transition counts how often a sandbox was seen in one state after another.
type Transition struct {
	From  string `json:"from"` // empty: the first state that was seen
	To    string `json:"to"`
	Count int    `json:"count"`
}

// operation finds what was seen of an operation; nil where the profile has none of that name.
func (s *Seen) operation(name string) *SeenOperation {
	for i := range s.Operations {
		if s.Operations[i].Operation == name {
			return &s.Operations[i]
		}
	}
	return nil
}

// Asked says whether an operation was answered at all.
func (s *Seen) Asked(operation string) bool {
	op := s.operation(operation)
	return op != nil && len(op.Statuses) > 0
}
