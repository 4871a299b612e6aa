package files

import (
	"context"
	"io"
	"io/fs"
	"runtime"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
)

// Tree is what a search or a listing finds: by name within each directory, what is in a directory right after it. Of it
// the beginning has been read; the rest is while it is written, so that it is never in memory whole. It follows no link,
// and leaves out what it may not read and what goes away meanwhile.
type Tree struct {
	ctx      context.Context
	root     string // absolute
	accounts *account.Accounts
	wanted   func(e fs.DirEntry, rel string) bool // whether it is a hit; rel is its path below the root
	enter    func(rel string, depth int) bool     // whether to look into a directory; the root's children have depth 1
	first    *listing                             // of the root; nil: nothing is looked for

	spare  sync.Pool      // holds *[]byte, of listings that are written
	ahead  sync.WaitGroup // reads directories before their turn
	turn   chan struct{}  // holds one for each that is being read so
	out    io.Writer
	begun  bool // the "[" is written
	failed error
}

// begin reads the root: only its own error is one, what lies below it may be unreadable.
func (t *Tree) begin() (err error) {
	t.first, err = t.read(t.root, 0)
	return err
}

// WriteJSON writes an array of FileInfo (spec/execd-api.yaml). An error is out's, or says that the context is done; the
// array then has no end. It must be called at most once.
func (t *Tree) WriteJSON(out io.Writer) error {
	t.out = out
	t.turn = make(chan struct{}, runtime.GOMAXPROCS(0)-1)
	ctx, cancel := context.WithCancel(t.ctx)
	t.ctx = ctx
	if t.first != nil {
		t.emit(t.first, 1)
	}
	if t.failed == nil {
		t.failed = ctx.Err()
	}
	cancel() // what is still read ahead is not needed
	t.ahead.Wait()
	end := "]"
	if !t.begun {
		end = "[]"
	}
	if t.failed == nil {
		_, t.failed = io.WriteString(out, end)
	}
	return t.failed
}

// lookahead is how many directories beside one another are read before their turn, for each processor.
const lookahead = 2

// emit writes what is in a directory, and below it.
func (t *Tree) emit(l *listing, depth int) {
	from, begun := 0, 0
	for i := range l.dirs {
		for begun < min(len(l.dirs), i+1+lookahead*cap(t.turn)) && cap(t.turn) > 0 {
			d := &l.dirs[begun]
			t.ahead.Go(func() {
				t.turn <- struct{}{}
				d.read(t, depth)
				<-t.turn
			})
			begun++
		}
		d := &l.dirs[i]
		t.write(l.json[from:d.at])
		from = d.at
		if d.read(t, depth); d.list != nil && t.failed == nil {
			t.emit(d.list, depth+1)
			d.list = nil
		}
		if t.failed != nil {
			return
		}
	}
	t.write(l.json[from:])
	t.release(l)
}

// write writes hits, each of which begins with a comma.
func (t *Tree) write(hits []byte) {
	if len(hits) == 0 || t.failed != nil {
		return
	}
	if !t.begun {
		t.begun = true
		hits[0] = '['
	}
	_, t.failed = t.out.Write(hits)
}

// buffer is for the hits of one directory.
func (t *Tree) buffer() []byte {
	if b, ok := t.spare.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

func (t *Tree) release(l *listing) {
	buf := l.json
	l.json = nil
	t.spare.Put(&buf)
}
