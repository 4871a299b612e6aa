package transcript

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// ErrDropped says that a transcript is not kept any more.
var ErrDropped = errors.New("the transcript has been dropped")

// View is a transcript as it was at one time.
type View struct {
	store  *Store
	pieces []piece
	end    int64
}

// View gives what there is now. It fails with ErrDropped.
func (t *Transcript) View() (*View, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return nil, ErrDropped
	}
	v := &View{store: t.store, pieces: make([]piece, len(t.pieces)), end: t.end}
	for i, p := range t.pieces {
		v.pieces[i] = *p
		v.pieces[i].tail = bytes.Clone(p.tail) // Append goes on in the original
	}
	return v, nil
}

// End is the number of bytes that had been written, kept or not: where a later View goes on.
func (v *View) End() int64 { return v.end }

// Reader takes what a View holds. An error of its methods ends the reading.
type Reader struct {
	Text func(kind Kind, text []byte) error // text is only valid within the call
	Lost func(stdout, stderr int64) error   // this many bytes of each kind have been here
}

// Read hands everything from the offset on to r, in order. An offset past the end is the end.
func (v *View) Read(offset int64, r Reader) error {
	for i := range v.pieces {
		p := &v.pieces[i]
		skip := max(0, offset-p.start)
		if skip >= p.length() {
			continue
		}
		if err := v.readPiece(p, skip, r); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) readPiece(p *piece, skip int64, r Reader) error {
	left := p.text
	if p.lost {
		return lost(left, skip, r)
	}
	in := io.Reader(bytes.NewReader(p.tail))
	if p.size > 0 {
		f, err := v.store.open(p.name)
		if err != nil { // dropped since, or removed by sandboxed code
			return lost(left, skip, r)
		}
		defer f.Close()
		in = io.MultiReader(io.LimitReader(f, p.size), in)
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	for left[Stdout]+left[Stderr] > 0 {
		n, kind, err := record(buffered)
		if err != nil || n == 0 || int64(n) > left[kind] { // sandboxed code has had its hands on the file
			return lost(left, skip, r)
		}
		left[kind] -= int64(n)
		over := min(skip, int64(n))
		if _, err := buffered.Discard(int(over)); err != nil {
			left[kind] += int64(n)
			return lost(left, skip, r)
		}
		skip -= over
		for n -= int(over); n > 0; {
			text, err := buffered.Peek(min(n, buffered.Size()))
			if len(text) == 0 && err != nil {
				left[kind] += int64(n)
				return lost(left, skip, r)
			}
			if err := r.Text(kind, text); err != nil {
				return err
			}
			n -= len(text)
			_, _ = buffered.Discard(len(text))
		}
	}
	return nil
}

// lost tells of bytes that are missing, but for the first skip of them.
func lost(n [kinds]int64, skip int64, r Reader) error {
	if skip >= n[Stdout]+n[Stderr] {
		return nil
	}
	for k := range n { // which of the two came first is lost too
		over := min(skip, n[k])
		n[k] -= over
		skip -= over
	}
	return r.Lost(n[Stdout], n[Stderr])
}
