package transcript

import (
	"os"
	"sync"
	"time"
)

// Kind tells the two outputs of a command apart.
type Kind uint32

// The two kinds.
const (
	Stdout Kind = iota
	Stderr
	kinds
)

const (
	// memory is how many bytes of a piece, with what frames them, may be in no file.
	memory = 8 << 10
	header = 4
	// pieces is how many the limit of a transcript is kept in.
	pieces = 8
	// maxPieces bounds them where a disk that is now full and now not makes many small ones.
	maxPieces = 2 * pieces
)

// Transcript is what one command has written. Its methods may be called from several goroutines.
type Transcript struct {
	store   *Store
	counted int64 // bytes among the finished; the store's to change

	mu      sync.Mutex
	pieces  []*piece
	end     int64 // bytes of text so far, kept or not
	kept    int64 // bytes in files and in memory
	last    int   // where the newest record begins in the newest tail; -1: nowhere
	dropped bool

	file    *os.File  // of the newest piece; nil: it has none
	checked int64     // bytes written since it was looked how full the disk is
	retry   time.Time // nothing is written to disk before
}

// piece is a part of the text: lost, or in a file and, behind that, in memory.
type piece struct {
	start int64 // of its text
	text  [kinds]int64
	lost  bool
	name  string // "": no file
	size  int64  // of the file
	tail  []byte // records that are not in the file yet
}

func (p *piece) length() int64 { return p.text[Stdout] + p.text[Stderr] }
func (p *piece) bytes() int64  { return p.size + int64(len(p.tail)) }

// New makes a transcript. The caller must Finish it.
func (s *Store) New() *Transcript { return &Transcript{store: s, last: -1} }

// Append keeps text. What can't be kept is counted.
func (t *Transcript) Append(kind Kind, text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(text) == 0 || t.dropped {
		return
	}
	t.end += int64(len(text))
	p := t.newest()
	if p != nil && p.lost && time.Now().Before(t.retry) {
		p.text[kind] += int64(len(text))
		return
	}
	if p == nil || p.lost {
		p = t.begin(int64(len(text)))
	}
	if len(p.tail)+header+len(text) <= memory {
		t.hold(p, kind, text)
		return
	}
	if err := t.write(p, kind, text); err != nil {
		t.lose(kind, int64(len(text)))
		t.store.warn(err)
		return
	}
	t.limit()
}

func (t *Transcript) newest() *piece {
	if len(t.pieces) == 0 {
		return nil
	}
	return t.pieces[len(t.pieces)-1]
}

// begin makes a new piece, for text of which n bytes are counted already.
func (t *Transcript) begin(n int64) *piece {
	t.closeFile()
	t.last = -1
	p := &piece{start: t.end - n}
	t.pieces = append(t.pieces, p)
	return p
}

// hold keeps text in memory, as part of the newest record where that is of its kind.
func (t *Transcript) hold(p *piece, kind Kind, text []byte) {
	p.text[kind] += int64(len(text))
	before := len(p.tail)
	if t.last >= 0 {
		if n, k := parseHeader(p.tail[t.last:]); k == kind {
			putHeader(p.tail[t.last:], n+len(text), kind)
			p.tail = append(p.tail, text...)
			t.kept += int64(len(p.tail) - before)
			return
		}
	}
	t.last = before
	p.tail = append(p.tail, 0, 0, 0, 0)
	putHeader(p.tail[before:], len(text), kind)
	p.tail = append(p.tail, text...)
	t.kept += int64(len(p.tail) - before)
}

// lose counts text that could not be kept, and that is counted in end already.
func (t *Transcript) lose(kind Kind, n int64) {
	p := t.newest()
	fresh := p == nil || !p.lost
	if fresh {
		p = t.begin(n)
		p.lost = true
	}
	p.text[kind] += n
	if fresh {
		t.limit()
	}
}

// limit gives up the oldest pieces while there is too much, but for the newest.
func (t *Transcript) limit() {
	for len(t.pieces) > 1 && (t.kept > t.store.Limit || len(t.pieces) > maxPieces) {
		i := 0
		if t.pieces[0].lost {
			if len(t.pieces) == 2 {
				return
			}
			i = 1
		}
		p := t.pieces[i]
		t.kept -= p.bytes()
		if p.name != "" {
			t.store.remove(p.name)
		}
		*p = piece{start: p.start, text: p.text, lost: true}
		t.merge()
	}
}

// merge makes one of the lost pieces that the transcript begins with.
func (t *Transcript) merge() {
	for len(t.pieces) > 1 && t.pieces[0].lost && t.pieces[1].lost {
		t.pieces[0].text[Stdout] += t.pieces[1].text[Stdout]
		t.pieces[0].text[Stderr] += t.pieces[1].text[Stderr]
		t.pieces = append(t.pieces[:0], append([]*piece{t.pieces[0]}, t.pieces[2:]...)...)
	}
}

// Finish says that nothing more comes. From then on the transcript may be dropped at any time.
func (t *Transcript) Finish() {
	t.mu.Lock()
	t.closeFile()
	for _, p := range t.pieces {
		p.tail = append([]byte(nil), p.tail...) // no more room than it needs
	}
	kept := t.kept
	t.mu.Unlock()
	t.store.finish(t, kept)
}

// Drop gives the transcript up, where it is finished.
func (t *Transcript) Drop() { t.store.forget(t) }

// empty forgets everything and gives the names of the files that are no longer needed.
func (t *Transcript) empty() (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.pieces {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	t.pieces, t.kept, t.dropped = nil, 0, t.end > 0
	return names
}

func (t *Transcript) closeFile() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}
