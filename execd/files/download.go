package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// inMemory is the size up to which a file is read before it is answered. The files of /proc and /sys state
// sizes that are not theirs, so that only what was read tells their length.
const inMemory = 64 << 10

// Download answers with a file, whole or the ranges that the Range header of r asks for (RFC 9110 §14.2). It
// returns an error only where nothing has been sent.
func Download(w http.ResponseWriter, r *http.Request, path string) error {
	f, info, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size := info.Size()
	var content io.ReadSeeker = f
	if size <= inMemory {
		head, err := io.ReadAll(io.LimitReader(f, inMemory+1))
		if err != nil {
			return unreadable(path, err)
		}
		if len(head) > inMemory { // longer than it said
			setDisposition(w, path)
			return copyAll(w, io.MultiReader(bytes.NewReader(head), f))
		}
		content, size = bytes.NewReader(head), int64(len(head))
	}

	wanted := http.Header{}
	// Nothing here has a validator, so that no If-Range can hold (RFC 9110 §13.1.5).
	if given := r.Header.Get("Range"); given != "" && r.Header.Get("If-Range") == "" {
		s := selectRanges(given, size)
		if !s.satisfied {
			e := httpapi.Errorf(http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE", "the file has %d bytes, and none in this range", size)
			e.Header = http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", size)}}
			return e
		}
		if s.header != "" {
			wanted.Set("Range", s.header)
		}
	}
	setDisposition(w, path)
	// The request is made anew, so that only the range decides; a zero time means no Last-Modified.
	http.ServeContent(httpapi.Direct(w), (&http.Request{Method: http.MethodGet, Header: wanted}).WithContext(r.Context()), "", time.Time{}, content)
	return nil
}

func setDisposition(w http.ResponseWriter, path string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	name := filepath.Base(path)
	disposition := `attachment; filename="` + name + `"`
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		disposition = mime.FormatMediaType("attachment", map[string]string{"filename": name}) // as filename* (RFC 6266 §4.3)
	}
	w.Header().Set("Content-Disposition", disposition)
}

// copyAll sends what has no known length.
func copyAll(w http.ResponseWriter, r io.Reader) error {
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, r); err != nil {
		panic(http.ErrAbortHandler) // so that it does not look complete
	}
	return nil
}

// unreadable is for files that open and then refuse to be read, as some of /proc do.
func unreadable(path string, err error) error {
	for _, known := range []error{syscall.EAGAIN, syscall.EINVAL, syscall.EIO, syscall.ENODEV, syscall.ESRCH, os.ErrDeadlineExceeded} {
		if errors.Is(err, known) {
			return fault.Errorf(fault.Invalid, "%q can't be read: %w", path, err)
		}
	}
	return refusal(path, err)
}
