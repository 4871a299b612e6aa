package mutant

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
)

// The constructors in this file change the parts of a multipart request, as an
// upload has them.

// Part is one part of a multipart body.
type Part struct {
	Header  textproto.MIMEHeader
	Content []byte
}

// Name is the part's name in the form.
func (p Part) Name() string { return p.disposition()["name"] }

// FileName is the part's file name, as it stands there; false if it has none.
func (p Part) FileName() (string, bool) {
	name, ok := p.disposition()["filename"]
	return name, ok
}

func (p Part) disposition() map[string]string {
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil {
		return nil
	}
	return params
}

// WithParts narrows it to requests with a multipart body of whose parts test is
// true. The body is read whole before the request goes on.
func (m Match) WithParts(test func([]Part) bool) Match {
	return m.Where(func(r *http.Request) bool {
		body, ok := peek(r)
		if !ok {
			return false
		}
		parts, ok := Parts(r.Header, body)
		return ok && test(parts)
	})
}

// RewriteParts changes the parts of a multipart request; another body stays, and
// so does the boundary. What says how.
func RewriteParts(m Match, what string, change func([]Part) []Part) Fault {
	return Fault{Name: name(m, "%s", what), Match: m, Request: func(r *http.Request, act func()) error {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return fmt.Errorf("read the request's body: %w", err)
		}
		if parts, ok := Parts(r.Header, body); ok {
			boundary := boundaryOf(r.Header)
			before := joinParts(boundary, parts)
			if after := joinParts(boundary, change(parts)); !bytes.Equal(before, after) {
				act()
				body, r.ContentLength = after, int64(len(after))
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return nil
	}}
}

func boundaryOf(h http.Header) string {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		return ""
	}
	return params["boundary"]
}

// Parts reads a whole multipart body, a request's or an answer's, as its header
// tells the boundary; false if it is none.
func Parts(h http.Header, body []byte) ([]Part, bool) {
	boundary := boundaryOf(h)
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary+"--")) { // a cut header would look like the end
		return nil, false
	}
	var parts []Part
	for in := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := in.NextRawPart()
		if err == io.EOF {
			return parts, true
		}
		if err != nil {
			return nil, false
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, false
		}
		parts = append(parts, Part{part.Header, content})
	}
}

func joinParts(boundary string, parts []Part) []byte {
	var b bytes.Buffer
	out := multipart.NewWriter(&b)
	if err := out.SetBoundary(boundary); err != nil {
		panic(fmt.Sprintf("a boundary that was read can't be written: %v", err))
	}
	for _, p := range parts {
		w, _ := out.CreatePart(p.Header) // to a buffer
		_, _ = w.Write(p.Content)
	}
	_ = out.Close()
	return b.Bytes()
}
