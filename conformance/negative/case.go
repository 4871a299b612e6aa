// Package negative makes requests that are wrong in one way, by walking a document: for every operation, every
// parameter and every field of a body. A new operation has cases the day it is written.
//
// It sends nothing and judges nothing: it says what each request is about, which requirement says how it is to be
// answered, and what has to be left unsent. The same seed makes the same cases.
package negative

import (
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Kind is a way of being wrong.
type Kind string

// The kinds.
const (
	NotJSON     Kind = "no JSON"              // a body, or a part of a form that is to be JSON
	NotForm     Kind = "no form"              // a body that is to be multipart
	Missing     Kind = "missing field"        // required, of a body or form
	WrongType   Kind = "wrong type"           // a field, or the body as a whole
	Malformed   Kind = "wrong format"         // a text that its format or pattern does not allow
	OutOfRange  Kind = "out of range"         // a number, too few items, or none of the values that there are
	Null        Kind = "null"                 // for an optional field that may be absent and not null; many take it for absent
	EmptyText   Kind = "empty text"           // a text that must have something in it
	Extra       Kind = "unknown property"     // of an object that allows no others
	ContentType Kind = "wrong content type"   // the body is as it should be
	Unnamed     Kind = "missing parameter"    // a required parameter
	Unreadable  Kind = "parameter type"       // a parameter of a wrong type
	Beyond      Kind = "parameter range"      // a parameter out of range, or none of the values that there are
	UnknownID   Kind = "unknown id"           // the id of something that is not there
	WrongMethod Kind = "method of other path" // a path with a method that it does not have
)

// Case is one request that is wrong in one way.
type Case struct {
	Operation  *spec.Operation // nil: Method and Path say it
	Kind       Kind
	Where      string // the field, as a path with dots, or the parameter; empty: the body as a whole
	What       string // what is wrong, in words
	Capability string // that the field or parameter belongs to: who lacks it ignores it
	Rule       Rule
	Request    Request

	value string // of a parameter
}

// Request is the request of a case, or a good one.
type Request struct {
	Method string
	Path   map[string]string // values of the path parameters
	Query  string            // as on the wire, without the question mark
	Header http.Header
	Body   []byte
	Fields map[string]any // Body as an object, where it is one
}

// Rule says how a case is to be answered, and which requirement says so.
type Rule struct {
	Requirement string
	Statuses    []int // empty: any 4xx that the document has, but for 401 and 429, with its error body
	Taken       bool  // a success will do too
}

// Options are what the cases of a document are made with.
type Options struct {
	Seed    uint64        // of what is chosen at random
	Unknown func() string // an id that nothing has, a fresh one each time
}
