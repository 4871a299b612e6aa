package driver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// On the control socket execd sends pieces of code, each ended by a NUL. The driver sends frames: a line with one
// letter and the lengths of the fields in bytes, then the fields. There is no JSON in it, as bash has none and loading
// Python's takes longer than all else.
//
//	h                              it takes code now
//	c NUMBER                       the how-manieth piece has begun; interrupts end it from now on
//	a                              it awaits something now; only from drivers for which signals must be timed
//	r MIME VALUE MIME VALUE …      a value
//	s MIME VALUE MIME VALUE …      likewise; the driver waits for a byte, so that what it writes next comes next
//	d                              the piece went well, and all that it wrote is in the pipes
//	e ENAME EVALUE TRACEBACK       the piece failed; likewise
//
// While a piece runs execd may send one byte: that a value was shown, or that what is awaited is interrupted.
const (
	hello  = 'h'
	begun  = 'c'
	awaits = 'a'
	result = 'r'
	shown  = 's'
	done   = 'd'
	failed = 'e'
)

const (
	taken        = 1
	interruption = 3
)

const (
	maxFields = 64
	maxFrame  = 64 << 20 // bytes of all fields; drivers cut what they send
)

type frame struct {
	kind   byte
	fields []string
}

// readFrame reads one frame. A frame that breaks the rules is an error, as is one that is cut off.
func readFrame(r *bufio.Reader) (frame, error) {
	head, err := r.ReadSlice('\n')
	if err != nil {
		return frame{}, err // bufio.ErrBufferFull: far longer than any header
	}
	words := bytes.Split(head[:len(head)-1], []byte{' '})
	if len(words[0]) != 1 || len(words) > 1+maxFields {
		return frame{}, fmt.Errorf("no frame of a driver begins with %.40q", head)
	}
	f := frame{kind: words[0][0]}
	sizes, total := make([]int, len(words)-1), 0
	for i, word := range words[1:] {
		n, err := strconv.ParseUint(string(word), 10, 31)
		if err != nil || int(n) > maxFrame-total {
			return frame{}, fmt.Errorf("a frame of a driver has a field of %.40q bytes", word)
		}
		sizes[i] = int(n)
		total += int(n)
	}
	var all bytes.Buffer // grows with what comes, not with what was announced
	if _, err := io.CopyN(&all, r, int64(total)); err != nil {
		return frame{}, io.ErrUnexpectedEOF
	}
	for _, n := range sizes {
		f.fields = append(f.fields, string(all.Next(n)))
	}
	want, ok := map[byte]int{hello: 0, begun: 1, awaits: 0, done: 0, failed: 3}[f.kind]
	switch {
	case (f.kind == result || f.kind == shown) && len(f.fields) > 0 && len(f.fields)%2 == 0:
	case !ok || len(f.fields) != want:
		return frame{}, fmt.Errorf("no frame of a driver is %q with %d fields", f.kind, len(f.fields))
	}
	return f, nil
}
