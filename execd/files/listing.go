package files

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/go-faster/jx"
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// listing is what one directory holds.
type listing struct {
	json []byte // the hits, each a comma and a FileInfo
	dirs []branch
}

// branch is a directory that is to be looked into.
type branch struct {
	path string
	at   int // where in the hits of the directory that holds it its own belong
	once sync.Once
	list *listing // nil: it can't be read
}

// read reads the directory, or waits until someone else has.
func (b *branch) read(t *Tree, depth int) {
	b.once.Do(func() { b.list, _ = t.read(b.path, depth) })
}

// read reads one directory. It is closed before those in it are read, so that a deep tree takes no more descriptors than
// a flat one.
func (t *Tree) read(dir string, depth int) (*listing, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	if depth > 0 {
		flags |= unix.O_NOFOLLOW // a directory may have become a link
	}
	fd, err := unix.Open(dir, flags, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil && len(entries) == 0 {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	below := len(join(t.root, ""))
	l := &listing{json: t.buffer()}
	var enc jx.Encoder
	for _, e := range entries {
		path := join(dir, e.Name())
		if t.wanted(e, path[below:]) {
			if info, err := describeAt(fd, e.Name(), path, t.accounts); err == nil {
				enc.SetBytes(append(l.json, ','))
				info.Encode(&enc)
				l.json = enc.Bytes()
			}
		}
		if e.IsDir() && t.enter(path[below:], depth+1) {
			l.dirs = append(l.dirs, branch{path: path, at: len(l.json)})
		}
	}
	return l, nil
}

// openRoot is the absolute path of a directory that is to be walked.
func openRoot(path string, st *unix.Stat_t) (string, error) {
	if !isDir(st) {
		return "", fault.Errorf(fault.Invalid, "%q is not a directory", path)
	}
	return absolute(trimSlashes(path))
}
