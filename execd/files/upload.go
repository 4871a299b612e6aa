package files

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"unicode/utf8"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

const (
	maxMetadata = 64 << 10
	// readSize is what is asked of the connection at a time: mime/multipart asks for 4 KiB.
	readSize = 256 << 10
	// writeSize gathers what mime/multipart hands out 4 KiB at a time.
	writeSize = 256 << 10
)

// Metadata is FileMetadata of spec/execd-api.yaml: where a file goes and what to set on it. A mode of 0, and
// an owner or group of "", are left as they are.
type Metadata struct {
	Path  string `json:"path"`
	Owner string `json:"owner"`
	Group string `json:"group"`
	Mode  int    `json:"mode"`
}

// Upload writes the files of a multipart/form-data body, pairs of a part "metadata" (JSON) and a part
// "file", in their order. All are written beside their targets first and then put in place: a body that
// breaks off, and a pair that can't be written, change nothing.
func Upload(contentType string, body io.Reader) (err error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return fault.Errorf(fault.Invalid, "the body must be multipart/form-data, and its Content-Type must name the boundary")
	}
	parts := multipart.NewReader(bufio.NewReaderSize(body, readSize), params["boundary"])
	accounts := account.Load("/etc")
	u := &staging{buf: bufio.NewWriterSize(nil, writeSize)}
	defer func() {
		if err != nil {
			u.undo()
		}
	}()
	for n := 1; ; n++ {
		meta, err := nextMetadata(parts, n)
		if err == io.EOF {
			if n == 1 {
				return fault.Errorf(fault.Invalid, "the body has no part: send pairs of a part \"metadata\" and a part \"file\"")
			}
			return u.commit()
		}
		if err != nil {
			return err
		}
		attrs, err := newAttributes(accounts, meta.Mode, meta.Owner, meta.Group)
		if err != nil {
			return err
		}
		part, err := nextPart(parts, "file", n)
		if err == io.EOF {
			return fault.Errorf(fault.Invalid, "pair %d has a part \"metadata\" and no part \"file\"", n)
		}
		if err != nil {
			return err
		}
		if err := u.upload(meta.Path, attrs, part); err != nil {
			return err
		}
	}
}

// nextPart is the next part of pair n, which must have this name; io.EOF after the last part.
func nextPart(parts *multipart.Reader, name string, n int) (*multipart.Part, error) {
	part, err := parts.NextRawPart() // content is taken byte for byte, whatever encoding it claims
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, brokenOff(err)
	}
	if part.FormName() != name {
		return nil, fault.Errorf(fault.Invalid, "pair %d: expected a part named %q, got %.100q", n, name, part.FormName())
	}
	return part, nil
}

func nextMetadata(parts *multipart.Reader, n int) (*Metadata, error) {
	part, err := nextPart(parts, "metadata", n)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(part, maxMetadata+1))
	if err != nil {
		return nil, brokenOff(err)
	}
	meta := &Metadata{}
	if len(text) > maxMetadata || !utf8.Valid(text) {
		return nil, fault.Errorf(fault.Invalid, "the metadata of pair %d must be UTF-8 and have at most %d bytes", n, maxMetadata)
	}
	if err := json.Unmarshal(text, meta); err != nil {
		return nil, fault.Errorf(fault.Invalid, "the metadata of pair %d can't be read: %s", n, metadataCause(err))
	}
	return meta, checkPath(meta.Path)
}

// metadataCause names the field, not the Go type that it did not fit.
func metadataCause(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if wrong.Field == "" {
			return "it must be an object, not " + wrong.Value
		}
		return "its field " + wrong.Field + " can't be " + wrong.Value
	}
	return "it is not JSON: " + err.Error()
}

func brokenOff(err error) error {
	return fault.Errorf(fault.Invalid, "the body broke off or is not multipart: %w", err)
}
