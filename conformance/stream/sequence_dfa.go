package stream

import (
	"fmt"
	"slices"
)

// maxStates bounds the automaton: an expression can need 2 to the power of its
// names.
const maxStates = 4096

// determine makes the deterministic automaton, by subset construction over the
// places of the expression.
func determine(expr string, root *places) (*Sequence, error) {
	s := &Sequence{expr: expr, types: slices.Clone(root.names)}
	slices.Sort(s.types)
	s.types = slices.Compact(s.types)

	// A state is the set of places that the last type can stand at; the start
	// stands at none, and its successors are the places that can come first.
	type subset struct {
		next  []int
		final bool
	}
	index := map[string]int{}
	var subsets []subset
	add := func(sub subset, key string) int {
		index[key] = len(subsets)
		subsets = append(subsets, sub)
		return index[key]
	}
	add(subset{next: root.first, final: root.empty}, "start")

	for i := 0; i < len(subsets); i++ {
		byType := map[string][]int{}
		for _, place := range subsets[i].next {
			byType[root.names[place]] = append(byType[root.names[place]], place)
		}
		st := state{next: map[string]int{}, final: subsets[i].final}
		for _, t := range s.types {
			at, ok := byType[t]
			if !ok {
				continue
			}
			key := fmt.Sprint(at)
			to, known := index[key]
			if !known {
				var sub subset
				for _, place := range at {
					sub.next = append(sub.next, root.follow[place]...)
					sub.final = sub.final || slices.Contains(root.last, place)
				}
				slices.Sort(sub.next)
				sub.next = slices.Compact(sub.next)
				to = add(sub, key)
			}
			st.next[t] = to
		}
		s.states = append(s.states, st)
		if len(subsets) > maxStates {
			return nil, &SyntaxError{Expr: expr, Offset: 0, Message: fmt.Sprintf("needs more than %d states", maxStates)}
		}
	}
	return s, nil
}
