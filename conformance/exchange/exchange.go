// Package exchange records one request and its answer, as they were on the wire, and shows them without secrets.
//
// It judges nothing.
package exchange

import (
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// MaxBody is how much of a body is kept for judging and for the report, in bytes; what comes after is read and
// counted, and not kept.
const MaxBody = 8 << 20

// Exchange is one request and its answer.
type Exchange struct {
	Document  *spec.Document  // the API that was spoken; nil for a service of the suite's own inside a sandbox
	Operation *spec.Operation // nil where the request is for none
	Scenario  string

	Method        string
	URL           string
	RequestHeader http.Header
	RequestBody   []byte         // the first MaxBody bytes
	RequestCut    bool           // there was more
	Fields        map[string]any // the request body as an object, where it is one
	Left          bool           // the suite itself ended the exchange early
	OpenEnd       bool           // a stream that may end without a terminal event

	Err           error // there was no answer, or it broke off
	Proto         string
	Status        int // 0 where there was no answer
	Header        http.Header
	ContentLength int64    // -1 where the answer had none
	Encoding      []string // transfer codings
	Body          []byte   // the first MaxBody bytes
	BodySize      int64

	Began, Answered, Ended time.Time

	Stream *stream.Transcript // of an answer that is an event stream

	Broke map[string]bool // requirements that this exchange is already known to break
}

// MediaType is the content type of the answer without its parameters.
func (e *Exchange) MediaType() string { return mediaType(e.Header.Get("Content-Type")) }

// Answer says whether there was an answer at all.
func (e *Exchange) Answer() bool { return e.Status != 0 }

// OK says whether the answer was a success.
func (e *Exchange) OK() bool { return e.Status >= 200 && e.Status < 300 }
