package files

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// walker gathers what lies below a directory: by name within each, what is in a directory right after it. It follows
// no link, and leaves out what it may not read and what goes away meanwhile.
type walker struct {
	ctx      context.Context
	accounts *account.Accounts
	wanted   func(e fs.DirEntry, rel string) bool // whether it is a hit; rel is its path below the root
	enter    func(rel string, depth int) bool     // whether to look into a directory; the root's children have depth 1
	hits     []execdapi.FileInfo
}

// found is a directory's entry, once it was looked at.
type found struct {
	name  string
	enter bool
	hit   bool
	info  execdapi.FileInfo
}

// walk gathers from dir, whose path below the root is rel, "" for the root itself.
func (w *walker) walk(dir, rel string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.read(dir, rel, depth)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.hit {
			w.hits = append(w.hits, e.info)
		}
		if !e.enter {
			continue
		}
		if err := w.walk(join(dir, e.name), below(rel, e.name), depth+1); err != nil && w.ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// read looks at each entry of one directory. It is closed before what lies in it is read, so that a deep tree takes
// no more descriptors than a flat one.
func (w *walker) read(dir, rel string, depth int) ([]found, error) {
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	if rel != "" {
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
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	entries := make([]found, 0, len(list))
	for _, e := range list {
		name := e.Name()
		path := below(rel, name)
		next := found{name: name, enter: e.IsDir() && w.enter(path, depth+1)}
		if w.wanted(e, path) {
			next.info, err = describeAt(fd, name, join(dir, name), w.accounts)
			next.hit = err == nil
		}
		if next.hit || next.enter {
			entries = append(entries, next)
		}
	}
	return entries, nil
}

func below(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}

// openRoot is the absolute path of a directory that is to be walked.
func openRoot(path string, st *unix.Stat_t) (string, error) {
	if !isDir(st) {
		return "", fault.Errorf(fault.Invalid, "%q is not a directory", path)
	}
	return absolute(trimSlashes(path))
}
