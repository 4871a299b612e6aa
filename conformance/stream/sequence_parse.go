package stream

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// SyntaxError is what is wrong with an expression.
type SyntaxError struct {
	Expr string
	// Offset is where in Expr, in bytes; its length where the end came too soon.
	Offset  int
	Message string
}

// Error shows the place and the expression.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("event sequence %q: at position %d: %s", e.Expr, e.Offset+1, e.Message)
}

// node is an expression as Glushkov's construction sees it: its names are
// numbered places, and of every part it is known which places can come first,
// which last, and whether it can be empty.
type node struct {
	first, last []int
	empty       bool
}

// sequenceParser reads an expression by recursive descent.
type sequenceParser struct {
	expr   string
	at     int
	names  []string // by place
	follow [][]int  // by place
	depth  int
}

const (
	maxExpr   = 4096
	maxPlaces = 512
	maxDepth  = 64
)

// places is a whole expression, and which place can follow which.
type places struct {
	node
	names  []string
	follow [][]int
}

func parseSequence(expr string) (*places, error) {
	p := &sequenceParser{expr: expr}
	if len(expr) > maxExpr {
		return nil, p.errorf(maxExpr, "longer than %d bytes", maxExpr)
	}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.peek() == ')' {
		return nil, p.errorf(p.at, `")" without "("`)
	}
	return &places{node: n, names: p.names, follow: p.follow}, nil
}

func (p *sequenceParser) errorf(at int, format string, args ...any) error {
	return &SyntaxError{Expr: p.expr, Offset: at, Message: fmt.Sprintf(format, args...)}
}

// peek skips whitespace and shows the next byte, 0 at the end.
func (p *sequenceParser) peek() byte {
	for p.at < len(p.expr) {
		switch c := p.expr[p.at]; c {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return c
		}
	}
	return 0
}

func (p *sequenceParser) alternatives() (node, error) {
	n, err := p.concatenation()
	for err == nil && p.peek() == '|' {
		p.at++
		var m node
		if m, err = p.concatenation(); err == nil {
			n = node{union(n.first, m.first), union(n.last, m.last), n.empty || m.empty}
		}
	}
	return n, err
}

func (p *sequenceParser) concatenation() (node, error) {
	n, err := p.repetition()
	for err == nil {
		if c := p.peek(); c == 0 && p.at == len(p.expr) || c == '|' || c == ')' {
			break
		}
		var m node
		if m, err = p.repetition(); err != nil {
			break
		}
		p.link(n.last, m.first)
		r := node{first: n.first, last: m.last, empty: n.empty && m.empty}
		if n.empty {
			r.first = union(n.first, m.first)
		}
		if m.empty {
			r.last = union(n.last, m.last)
		}
		n = r
	}
	return n, err
}

func (p *sequenceParser) repetition() (node, error) {
	n, err := p.atom()
	if err != nil {
		return n, err
	}
	switch op := p.peek(); op {
	case '*', '+', '?':
		p.at++
		if op != '?' {
			p.link(n.last, n.first)
		}
		n.empty = n.empty || op != '+'
		if next := p.peek(); next == '*' || next == '+' || next == '?' {
			return n, p.errorf(p.at, "%q after %q: put the inner part in parentheses", next, op)
		}
	}
	return n, nil
}

func (p *sequenceParser) atom() (node, error) {
	c, start := p.peek(), p.at
	switch {
	case c == '(':
		if p.depth++; p.depth > maxDepth {
			return node{}, p.errorf(start, "nested more than %d deep", maxDepth)
		}
		p.at++
		n, err := p.alternatives()
		if err != nil {
			return n, err
		}
		if p.peek() != ')' {
			return n, p.errorf(p.at, `expected ")" for the "(" at position %d`, start+1)
		}
		p.at++
		p.depth--
		return n, nil
	case isNameByte(c):
		for p.at < len(p.expr) && isNameByte(p.expr[p.at]) {
			p.at++
		}
		place := len(p.names)
		if place == maxPlaces {
			return node{}, p.errorf(start, "more than %d names", maxPlaces)
		}
		p.names = append(p.names, p.expr[start:p.at])
		p.follow = append(p.follow, nil)
		return node{first: []int{place}, last: []int{place}}, nil
	case start == len(p.expr):
		return node{}, p.errorf(start, `expected an event type or "(", found the end`)
	}
	r, _ := utf8.DecodeRuneInString(p.expr[start:])
	return node{}, p.errorf(start, `expected an event type (a-z and _) or "(", found %q`, r)
}

func isNameByte(c byte) bool { return 'a' <= c && c <= 'z' || c == '_' }

func (p *sequenceParser) link(from, to []int) {
	for _, f := range from {
		p.follow[f] = union(p.follow[f], to)
	}
}

// union merges two sorted sets.
func union(a, b []int) []int {
	u := slices.Concat(a, b)
	slices.Sort(u)
	return slices.Compact(u)
}
