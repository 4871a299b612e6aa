package driver

import "bufio"

// ReadFrame reads a frame as a kernel does.
func ReadFrame(r *bufio.Reader) (kind byte, fields []string, err error) {
	f, err := readFrame(r)
	return f.kind, f.fields, err
}
