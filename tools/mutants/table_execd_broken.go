package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// brokenUploadMutants take uploads that break off or are none.
func brokenUploadMutants() []Mutant {
	noForm := uploadFile.Where(func(r *http.Request) bool {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err != nil || media != "multipart/form-data"
	})
	noJSON := anyPart(func(p mutant.Part) bool { return p.Name() == "metadata" && !json.Valid(p.Content) })
	noPath := anyOf(func(m map[string]any) bool { return m["path"] == nil })
	return slices.Concat(
		[]Mutant{
			misbehaves("EX-UPLOAD-08", "what came of a new file stays", "POST", "/files/upload", halfWritten(false)),
			misbehaves("EX-UPLOAD-08", "what came of a file takes the place of the old one", "POST", "/files/upload", halfWritten(true)),
		},
		breaks("EX-UPLOAD-11",
			renamed(mutant.Status(noForm, 400, 500), uploadFile, "no multipart: status 500"),
			renamed(mutant.Status(noForm, 400, 422), uploadFile, "no multipart: status 422"),
			renamed(mutant.Answer(noForm, 200, nil), uploadFile, "no multipart: 200, and nothing is written"),
			renamed(mutant.Status(noJSON, 400, 500), uploadFile, "metadata that is no JSON: status 500"),
			renamed(mutant.Status(noJSON, 400, 415), uploadFile, "metadata that is no JSON: status 415"),
			renamed(mutant.Answer(noJSON, 200, nil), uploadFile, "metadata that is no JSON: 200, and nothing is written"),
			renamed(mutant.Status(noPath, 400, 422), uploadFile, "no path: status 422"),
			renamed(mutant.Status(noPath, 400, 500), uploadFile, "no path: status 500"),
			renamed(mutant.Answer(noPath, 200, nil), uploadFile, "no path: 200, and nothing is written"),
		),
		[]Mutant{misbehaves("EX-UPLOAD-11", "written, and then the metadata is refused", "POST", "/files/upload", writtenFirst)},
	)
}

// halfWritten writes a file as it comes, and leaves that when the upload breaks off; old says whether it does so to files
// whose target was there or to those whose was not.
func halfWritten(old bool) func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // no boundary then
		seen := &witness{ReadCloser: r.Body, boundary: params["boundary"], old: old}
		r.Body = seen
		next.ServeHTTP(w, r)
		if seen.written && seen.err != nil && !errors.Is(seen.err, io.EOF) {
			act()
		}
	}
}

// witness keeps what was read of a multipart body, and writes the file that comes last in it.
type witness struct {
	io.ReadCloser
	boundary string
	old      bool
	came     bytes.Buffer
	path     string // of the file that comes
	takes    bool   // it is one of those to write
	written  bool
	err      error // how the body ended
}

func (b *witness) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.came.Write(p[:n]); b.boundary != "" {
		b.spill()
	}
	if err != nil {
		b.err = err
	}
	return n, err
}

// spill writes what is there of a file that is not whole yet.
func (b *witness) spill() {
	path := ""
	for parts := multipart.NewReader(bytes.NewReader(b.came.Bytes()), b.boundary); ; {
		part, err := parts.NextRawPart()
		if err != nil {
			return
		}
		text, broken := io.ReadAll(part)
		if part.FormName() == "metadata" {
			var m map[string]any
			_ = json.Unmarshal(text, &m) // no path then
			path = pathOf(m)
			continue
		}
		if broken == nil || path == "" {
			continue
		}
		if path != b.path {
			b.path, b.takes = path, (kind(path) == "file") == b.old
		}
		b.written = b.takes && os.WriteFile(path, text, 0o644) == nil
	}
}

var pathInText = regexp.MustCompile(`"path"\s*:\s*("(?:[^"\\]|\\.)*")`)

// writtenFirst writes every file for which it finds a path, and then refuses metadata that is not right.
func writtenFirst(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	parts, ok := mutant.Parts(r.Header, takeBody(r))
	all := metadata(parts)
	bad := slices.ContainsFunc(parts, func(p mutant.Part) bool { return p.Name() == "metadata" && !json.Valid(p.Content) })
	for _, m := range all {
		bad = bad || m == nil || pathOf(m) == ""
	}
	for i := range all {
		found := pathInText.FindSubmatch(parts[i].Content)
		if !ok || !bad || found == nil || i+1 >= len(parts) {
			continue
		}
		pair := []mutant.Part{{Header: parts[i].Header, Content: []byte(`{"path":` + string(found[1]) + `}`)}, parts[i+1]}
		if replay(next, r, rejoin(r, pair), r.Header.Get("Content-Type")) == http.StatusOK {
			act()
		}
	}
	next.ServeHTTP(w, r)
}
