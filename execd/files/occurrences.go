package files

import (
	"bytes"
	"errors"
	"io"
)

// scanSize is how much of a file is looked at in one go.
const scanSize = 256 << 10

// scan reads r to its end and tells apart what is old, from left to right and not overlapping, from what lies between.
// Memory grows with old only, wherever in r its occurrences lie.
func scan(r io.Reader, old []byte, between func([]byte) error, occurrence func() error) error {
	buf := make([]byte, max(scanSize, 2*len(old)))
	held := 0 // bytes at the start of buf that may begin an occurrence
	for {
		n, err := io.ReadFull(r, buf[held:])
		end := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return err
		}
		data := buf[:held+n]
		for {
			i := bytes.Index(data, old)
			if i < 0 {
				break
			}
			if err := between(data[:i]); err != nil {
				return err
			}
			if err := occurrence(); err != nil {
				return err
			}
			data = data[i+len(old):]
		}
		sure := len(data)
		if !end {
			sure = max(0, len(data)-len(old)+1)
		}
		if err := between(data[:sure]); err != nil || end {
			return err
		}
		held = copy(buf, data[sure:])
	}
}

var errFound = errors.New("found")

// contains tells whether old occurs in r, and reads no further.
func contains(r io.Reader, old []byte) (bool, error) {
	err := scan(r, old, func([]byte) error { return nil }, func() error { return errFound })
	if err == errFound {
		return true, nil
	}
	return false, err
}

// replaceAll copies r to w with every old replaced, and counts these.
func replaceAll(w io.Writer, r io.Reader, old, with []byte) (count int, err error) {
	write := func(p []byte) error { _, err := w.Write(p); return err }
	err = scan(r, old, write, func() error { count++; return write(with) })
	return count, err
}
