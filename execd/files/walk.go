package files

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

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

	others sync.WaitGroup // who read directories at the same time
	free   chan struct{}  // holds one for each of them
}

// walk gathers from the root, on every processor.
func (w *walker) walk() ([]execdapi.FileInfo, error) {
	w.free = make(chan struct{}, runtime.GOMAXPROCS(0)-1)
	var found hits
	err := w.walkDir(w.root, 0, &found)
	w.others.Wait()
	if err == nil {
		err = w.ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return found.appendTo(make([]execdapi.FileInfo, 0, found.count())), nil
}

// entry is what a directory holds that is a hit, or to be looked into.
type entry struct {
	path  string
	hit   bool
	enter bool
	info  execdapi.FileInfo
}

// walkDir gathers from one directory and those in it. Only its own error is one: these may be unreadable.
func (w *walker) walkDir(dir string, depth int, to *hits) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.readDir(dir, depth, to)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.hit {
			to.add(e.info)
		}
		if !e.enter {
			continue
		}
		select {
		case w.free <- struct{}{}:
			branch := to.branch()
			w.others.Go(func() {
				_ = w.walkDir(e.path, depth+1, branch)
				<-w.free
			})
		default:
			_ = w.walkDir(e.path, depth+1, to)
		}
	}
	return nil
}

// readDir gathers the hits of one directory, or gives them back where some lie in directories between them. It is
// closed before these are read, so that a deep tree takes no more descriptors than a flat one.
func (w *walker) readDir(dir string, depth int, to *hits) ([]entry, error) {
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
			to.add(next.info)
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
