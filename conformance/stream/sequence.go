package stream

import (
	"fmt"
	"slices"
	"strings"
)

// Sequence is a compiled expression over event types, such as
//
//	init (status | stdout | stderr)* (execution_complete | error)
//
// Names are of [a-z_]; juxtaposition is "then", "|" is "or", "*" is any number,
// "+" at least one, "?" at most one, parentheses group. It is safe for
// concurrent use.
type Sequence struct {
	expr   string
	types  []string // sorted
	states []state  // 0 is the start
}

// state is a state of the automaton. From every state an end can be reached.
type state struct {
	next  map[string]int
	final bool
}

// Mismatch says where a sequence of types leaves the expression.
type Mismatch struct {
	// Index is the place of the first type that does not fit, the length of
	// the sequence where it ends too early.
	Index int
	// Got is the type that came there, empty for the end of the stream.
	Got string
	// Want lists the types that could have come there, sorted.
	Want []string
	// End says that the stream could have ended there.
	End bool
}

// String tells the mismatch in words.
func (m *Mismatch) String() string {
	want := slices.Clone(m.Want)
	if m.End {
		want = append(want, "the end of the stream")
	}
	got := m.Got
	if got == "" {
		got = "the end of the stream"
	}
	return fmt.Sprintf("at event %d came %s, expected %s", m.Index, got, strings.Join(want, " or "))
}

// CompileSequence compiles an expression. An error is a *SyntaxError.
func CompileSequence(expr string) (*Sequence, error) {
	root, err := parseSequence(expr)
	if err != nil {
		return nil, err
	}
	return determine(expr, root)
}

// String is the expression.
func (s *Sequence) String() string { return s.expr }

// Types lists the types that the expression names, sorted.
func (s *Sequence) Types() []string { return slices.Clone(s.types) }

// Check runs a whole sequence of types; nil means that it fits.
func (s *Sequence) Check(types []string) *Mismatch {
	run := s.NewRun()
	for i, t := range types {
		if !run.Step(t) {
			return &Mismatch{Index: i, Got: t, Want: run.Want(), End: run.Done()}
		}
	}
	if !run.Done() {
		return &Mismatch{Index: len(types), Want: run.Want()}
	}
	return nil
}

// Run follows a sequence of types as they come.
type Run struct {
	s  *Sequence
	at int
}

// NewRun starts at the beginning.
func (s *Sequence) NewRun() *Run { return &Run{s: s} }

// Step takes the next type. A type that does not fit changes nothing.
func (r *Run) Step(t string) bool {
	next, ok := r.s.states[r.at].next[t]
	if ok {
		r.at = next
	}
	return ok
}

// Done tells whether the stream may end here.
func (r *Run) Done() bool { return r.s.states[r.at].final }

// Over tells whether the stream must end here: nothing more may come.
func (r *Run) Over() bool { return len(r.s.states[r.at].next) == 0 }

// Want lists the types that may come next, sorted.
func (r *Run) Want() []string {
	next := r.s.states[r.at].next
	want := make([]string, 0, len(next))
	for t := range next {
		want = append(want, t)
	}
	slices.Sort(want)
	return want
}
