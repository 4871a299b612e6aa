// Package httpapi is what both servers put around generated code: the request id, the access log, the
// key check, the rules that the generated decoders do not hold, recovery from panics, and the one place
// that writes an error. It knows no operation: what an operation means is the handlers' business.
package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer that is not a success: a status and an ErrorResponse.
type Error struct {
	Status  int         // HTTP status, 400 to 599
	Code    string      // machine readable, e.g. "INVALID_PARAMETER" or "SANDBOX::NOT_FOUND"
	Message string      // what is wrong and how to mend it, for people
	Header  http.Header // further headers such as Allow or Retry-After; may be nil
	Err     error       // the cause, for the log; it never reaches the wire
}

// Errorf makes an Error with a formatted message. An error among args that was given for %w becomes Err.
func Errorf(status int, code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Status: status, Code: code, Message: err.Error()}
	if u, ok := err.(interface{ Unwrap() error }); ok {
		e.Err = u.Unwrap()
	}
	return e
}

// Error gives status, code and message in one line.
func (e *Error) Error() string {
	return strconv.Itoa(e.Status) + " " + e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// errorBody is ErrorResponse of both YAML documents.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// lingerTime is how long a connection may take to send the rest of a body that was refused.
const lingerTime = 5 * time.Second

// lingerBody is how much of a refused body is read so that its connection can be used again, in bytes. It is what
// net/http allows itself.
const lingerBody = 256 << 10

// WriteError writes e as the whole answer, with a Content-Length. It writes nothing where the answer has
// already begun, as an error in the middle of a body would pass for content. The answer does not wait for
// the rest of the request.
func WriteError(w http.ResponseWriter, e *Error) {
	if Begun(w) {
		return
	}
	body, err := json.Marshal(errorBody{e.Code, strings.ToValidUTF8(e.Message, "\uFFFD")})
	if err != nil { // two strings always marshal
		panic(err)
	}
	// net/http would read what is left of the body before it answers, however long that takes to come.
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex()
	_ = rc.SetReadDeadline(time.Now().Add(lingerTime))
	h := w.Header()
	// Headers that were meant for the success must not describe the error.
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "Content-Range", "Last-Modified", "Etag", "Cache-Control"} {
		h.Del(name)
	}
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that has gone away needs no answer
	if rec := recorderOf(w); rec != nil && rec.body != nil {
		// The body has to end inside the handler: in full duplex net/http begins to wait for the next request where it
		// ends, and would do so twice when it drains the body itself, which breaks the connection.
		_ = rc.Flush()
		_, _ = io.CopyN(io.Discard, rec.body, lingerBody)
	}
}

// NotFound answers a path that is in no document.
func NotFound(w http.ResponseWriter, r *http.Request) {
	WriteError(w, Errorf(http.StatusNotFound, "NOT_FOUND", "there is no %s here", clip(r.URL.Path, 200)))
}

// MethodNotAllowed answers a known path with another method. Allowed is the comma-separated list of the
// methods that there are; it becomes the Allow header (RFC 9110 §15.5.6).
func MethodNotAllowed(w http.ResponseWriter, r *http.Request, allowed string) {
	var methods []string
	for m := range strings.SplitSeq(allowed, ",") {
		if m = strings.TrimSpace(m); m != "" {
			methods = append(methods, m)
		}
	}
	allow := strings.Join(methods, ", ")
	e := Errorf(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "%s takes %s, not %s", clip(r.URL.Path, 200), allow, r.Method)
	e.Header = http.Header{"Allow": {allow}}
	WriteError(w, e)
}

// clip cuts s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
