package files

import (
	"bufio"
	"errors"
	"io"
	"net/http"
)

// DownloadLines answers with lines of a file as text: limit lines (0: all) from offset on (1: the first),
// joined by "\n". Memory does not grow with the file or its lines. It returns an error only where nothing
// has been sent.
func DownloadLines(w http.ResponseWriter, path string, offset, limit int) error {
	f, _, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	if _, err := in.Peek(1); err != nil && err != io.EOF {
		return unreadable(path, err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for skip := offset - 1; skip > 0; skip-- {
		if err := copyLine(io.Discard, in); err != nil {
			return aborted(err)
		}
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for n := 0; limit == 0 || n < limit; n++ {
		if _, err = in.Peek(1); err != nil {
			break
		}
		if n > 0 {
			_ = out.WriteByte('\n') // a bufio.Writer keeps its error for Flush
		}
		if err = copyLine(out, in); err != nil {
			break
		}
	}
	if err != nil && err != io.EOF {
		return aborted(err)
	}
	return aborted(out.Flush())
}

// copyLine copies a line without its "\n"; io.EOF where it was the last.
func copyLine(w io.Writer, in *bufio.Reader) error {
	for {
		part, err := in.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
		}
		if _, werr := w.Write(part); werr != nil {
			return werr
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// aborted ends an answer that has begun: well at the end of the file, else visibly broken off.
func aborted(err error) error {
	if err == nil || err == io.EOF {
		return nil
	}
	panic(http.ErrAbortHandler)
}
