package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep the values of a JSON body may be nested.
const maxDepth = 100

// checkBody reads a JSON body whole and holds it to RFC 8259: one value, in UTF-8, not cut off, and not
// nested too deep. Multipart bodies are left to their handlers; others are only bounded.
func (c *chain) checkBody(w http.ResponseWriter, r *http.Request) *Error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if strings.HasPrefix(media, "multipart/") {
		return nil
	}
	if r.ContentLength > c.MaxJSONBody {
		return tooLarge(c.MaxJSONBody)
	}
	r.Body = http.MaxBytesReader(w, r.Body, c.MaxJSONBody)
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return nil
	}
	body, err := readWithin(w, r.Body, c.BodyTimeout)
	if err != nil {
		return bodyError(err, c)
	}
	if len(body) == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
		return nil
	}
	if e := checkJSON(body); e != nil {
		return e
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// readWithin reads all of body; a connection that can't have a deadline reads without.
func readWithin(w http.ResponseWriter, body io.Reader, d time.Duration) ([]byte, error) {
	rc := http.NewResponseController(w)
	bounded := rc.SetReadDeadline(time.Now().Add(d)) == nil
	b, err := io.ReadAll(body)
	if bounded && err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // when it passed it would look as if the client went away
	}
	return b, err
}

func bodyError(err error, c *chain) *Error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(c.MaxJSONBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Errorf(http.StatusBadRequest, "INVALID_BODY", "the body did not arrive within %s", c.BodyTimeout)
	default:
		return Errorf(http.StatusBadRequest, "INVALID_BODY", "the body ended before it was complete")
	}
}

func tooLarge(limit int64) *Error {
	return Errorf(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "the body may have at most %d bytes", limit)
}

func checkJSON(body []byte) *Error {
	if !utf8.Valid(body) {
		return Errorf(http.StatusBadRequest, "INVALID_JSON", "the body is not UTF-8")
	}
	if depth(body) > maxDepth {
		return Errorf(http.StatusBadRequest, "INVALID_JSON", "the body is nested more than %d levels deep", maxDepth)
	}
	if json.Valid(body) {
		return nil
	}
	var any json.RawMessage
	message, at := "not JSON", int64(0)
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, &any); errors.As(err, &syntax) {
		message, at = syntax.Error(), syntax.Offset
	}
	return Errorf(http.StatusBadRequest, "INVALID_JSON", "the body is not one JSON value: %s (byte %d)", message, at)
}

// depth is the deepest nesting of arrays and objects, counted without recursion.
func depth(body []byte) int {
	level, deepest, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			level++
			deepest = max(deepest, level)
		case c == ']' || c == '}':
			level--
		}
	}
	return deepest
}
