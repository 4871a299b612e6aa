package transcript

import (
	"encoding/binary"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// retryAfter is how long nothing is tried after the disk has refused.
	retryAfter = time.Second
	// checkEvery is how many bytes are written until it is looked again how full the disk is.
	checkEvery = 256 << 10
)

// write puts what the piece has in memory, and text behind it, into its file. Where the disk is full, older
// transcripts make room. After an error all is as it was.
func (t *Transcript) write(p *piece, kind Kind, text []byte) error {
	for {
		err := t.tryWrite(p, kind, text)
		if err == nil {
			break
		}
		if err != unix.ENOSPC && err != unix.EDQUOT || !t.store.makeRoom() {
			t.retry = time.Now().Add(retryAfter)
			return err
		}
	}
	size := int64(len(p.tail) + header + len(text))
	p.text[kind] += int64(len(text))
	t.kept += int64(header + len(text))
	p.size += size
	p.tail, t.last = p.tail[:0], -1
	if t.checked += size; p.size >= t.store.Limit/pieces {
		t.begin(0)
	}
	return nil
}

func (t *Transcript) tryWrite(p *piece, kind Kind, text []byte) error {
	if t.file == nil {
		f, name, err := t.store.create()
		if err != nil {
			return unwrap(err)
		}
		t.file, p.name, t.checked = f, name, checkEvery
	}
	if t.checked >= checkEvery {
		if err := t.store.room(t.file); err != nil {
			return err
		}
		t.checked = 0
	}
	var head [header]byte
	putHeader(head[:], len(text), kind)
	want := len(p.tail) + header + len(text)
	fd := int(t.file.Fd())
	n, err := unix.Writev(fd, [][]byte{p.tail, head[:], text}) // one call, and no copy
	for err == unix.EINTR {
		n, err = unix.Writev(fd, [][]byte{p.tail, head[:], text})
	}
	if err == nil && n == want {
		return nil
	}
	if n > 0 {
		_ = unix.Ftruncate(fd, p.size) // no half record
	}
	if err == nil {
		err = unix.ENOSPC // it took a part
	}
	return err
}

// unwrap gives the error of the system where there is one.
func unwrap(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err
		}
		err = u.Unwrap()
	}
}

func putHeader(b []byte, n int, kind Kind) {
	binary.LittleEndian.PutUint32(b, uint32(n)<<1|uint32(kind))
}

func parseHeader(b []byte) (n int, kind Kind) {
	h := binary.LittleEndian.Uint32(b)
	return int(h >> 1), Kind(h & 1)
}

// record reads the header of a record.
func record(r io.Reader) (n int, kind Kind, err error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	n, kind = parseHeader(head[:])
	return n, kind, nil
}
