package files

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// walker gathers what lies below a directory: by name within each, what is in a directory right after it. It follows
// no link, and leaves out what it may not read and what goes away meanwhile.
type walker struct {
	ctx      context.Context
	root     string // absolute
	accounts *account.Accounts
	wanted   func(e fs.DirEntry, rel string) bool // whether it is a hit; rel is its path below the root
	enter    func(rel string, depth int) bool     // whether to look into a directory; the root's children have depth 1
	hits     hits
}

// hits grows without moving what it holds.
type hits struct{ chunks [][]execdapi.FileInfo }

func (h *hits) add(info execdapi.FileInfo) {
	last := len(h.chunks) - 1
	if last < 0 || len(h.chunks[last]) == cap(h.chunks[last]) {
		size := 16
		if last >= 0 {
			size = min(2*cap(h.chunks[last]), 4096)
		}
		h.chunks = append(h.chunks, make([]execdapi.FileInfo, 0, size))
		last++
	}
	h.chunks[last] = append(h.chunks[last], info)
}

// walk gathers from the root.
func (w *walker) walk() ([]execdapi.FileInfo, error) {
	if err := w.walkDir(w.root, 0); err != nil {
		return nil, err
	}
	return slices.Concat(w.hits.chunks...), nil
}

// entry is what a directory holds that is a hit, or to be looked into.
type entry struct {
	path  string
	hit   bool
	enter bool
	info  execdapi.FileInfo
}

func (w *walker) walkDir(dir string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.readDir(dir, depth)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.hit {
			w.hits.add(e.info)
		}
		if !e.enter {
			continue
		}
		if err := w.walkDir(e.path, depth+1); err != nil && w.ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// readDir gathers the hits of one directory, or gives them back where some lie in directories between them. It is
// closed before these are read, so that a deep tree takes no more descriptors than a flat one.
func (w *walker) readDir(dir string, depth int) ([]entry, error) {
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
	list, err := f.ReadDir(-1)
	if err != nil && len(list) == 0 {
		return nil, err
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	below := len(join(w.root, ""))
	var entries []entry
	for _, e := range list {
		path := join(dir, e.Name())
		next := entry{path: path, enter: e.IsDir() && w.enter(path[below:], depth+1)}
		if w.wanted(e, path[below:]) {
			next.info, err = describeAt(fd, e.Name(), path, w.accounts)
			next.hit = err == nil
		}
		switch {
		case next.enter, next.hit && len(entries) > 0:
			entries = append(entries, next)
		case next.hit:
			w.hits.add(next.info)
		}
	}
	return entries, nil
}

// openRoot is the absolute path of a directory that is to be walked.
func openRoot(path string, st *unix.Stat_t) (string, error) {
	if !isDir(st) {
		return "", fault.Errorf(fault.Invalid, "%q is not a directory", path)
	}
	return absolute(trimSlashes(path))
}
