// Package contract judges one exchange by the documents: status, headers, content type, and the body against its
// schema, first as a deployment must answer and then as it should; and the request, by what its client may send.
//
// It knows no scenario and no requirement; streams of events are judged by package stream and by the rules around it.
package contract

import "github.com/opensandbox-conformance/opensandbox-conformance/spec"

// Breach is one thing in which an exchange is not as documented.
type Breach struct {
	Level    spec.Level
	Message  string // what is wrong, in one sentence
	Expected string
	Actual   string
	Spec     string // file:line of the place in the document that says so
	kind     string // what is wrong, wherever in the value it is
}

// Fold is the same for breaches that are the same mistake: of the same rule, in whatever item of a list or map.
func (b Breach) Fold() string {
	if b.kind == "" {
		return b.Message + "\x00" + b.Spec
	}
	return b.kind + "\x00" + b.Spec
}
