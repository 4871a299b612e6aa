package files

import (
	"context"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// Move gives files and directories new paths, one after the other; of a link, the link. Nothing is ever replaced, and
// no parent is made. Where one can't be moved, those before it are moved back.
func Move(ctx context.Context, items []execdapi.RenameFileItem) (err error) {
	for _, item := range items {
		if err := errors.Join(checkPath(item.Src), checkPath(item.Dest)); err != nil {
			return refusal(item.Src, err)
		}
	}
	var m mover
	defer func() {
		if err != nil {
			m.undo()
		}
	}()
	for _, item := range items {
		if err := m.move(ctx, item.Src, item.Dest); err != nil {
			return err
		}
	}
	return m.finish()
}

type mover struct{ done []moved }

type moved struct {
	src, dest string
	copied    bool // src is still there, to be removed when all else went well
}

func (m *mover) move(ctx context.Context, src, dest string) error {
	st, err := lstat(src)
	if err == nil && m.leaves(src) {
		err = unix.ENOENT
	}
	if err != nil {
		return refusal(src, err)
	}
	next := moved{src: src, dest: dest}
	err = renameNew(src, dest)
	if errors.Is(err, unix.EXDEV) { // or a directory of an image's layer, which overlayfs can't rename
		next.copied = true
		err = copyNew(ctx, src, dest)
	}
	switch {
	case err == nil:
		m.done = append(m.done, next)
		return nil
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOTEMPTY):
		return fault.Errorf(fault.Invalid, "%q is already there: delete it first, or choose another dest", dest)
	case errors.Is(err, unix.ENOENT):
		return fault.Errorf(fault.Invalid, "the directory of %q is not there: make it first", dest)
	case errors.Is(err, unix.ENOTDIR) && !isDir(st) && strings.HasSuffix(dest, "/"):
		return fault.Errorf(fault.Invalid, "dest %q has a slash behind it, and %q is not a directory", dest, src)
	case errors.Is(err, unix.ENOTDIR):
		return fault.Errorf(fault.Invalid, "a part of %q is not a directory", dest)
	case errors.Is(err, unix.EINVAL) && isDir(st):
		return fault.Errorf(fault.Invalid, "%q can't be moved into itself", src)
	case errors.Is(err, unix.EBUSY):
		return refusal(src, err)
	default:
		return refusal(dest, err)
	}
}

// leaves tells whether path is what an earlier move of the same request copied, or lies in it.
func (m *mover) leaves(path string) bool {
	for _, d := range m.done {
		if d.copied && liesIn(path, d.src) {
			return true
		}
	}
	return false
}

// liesIn tells whether path is top, or is below it. Names are compared, not what they stand for, as a file may have
// several.
func liesIn(path, top string) bool {
	topDir, topBase := split(top)
	for {
		dir, base := split(path)
		if base == topBase && sameDir(dir, topDir) {
			return true
		}
		if dir == path {
			return false
		}
		path = dir
	}
}

func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// finish removes what was copied.
func (m *mover) finish() error {
	done := m.done
	m.done = nil // from here on nothing is undone: the copies are whole, the sources may not be
	for _, d := range done {
		if !d.copied {
			continue
		}
		if err := os.RemoveAll(trimSlashes(d.src)); err != nil {
			return refusal(d.src, err)
		}
	}
	return nil
}

func (m *mover) undo() {
	for i := len(m.done) - 1; i >= 0; i-- {
		if d := m.done[i]; d.copied {
			_ = os.RemoveAll(trimSlashes(d.dest))
		} else {
			_ = renameNew(d.dest, d.src)
		}
	}
}

// renameNew renames and replaces nothing, also where the file system has no such call.
func renameNew(src, dest string) error {
	err := unix.Renameat2(unix.AT_FDCWD, src, unix.AT_FDCWD, dest, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if _, err := lstat(dest); err == nil {
		return unix.EEXIST
	}
	return unix.Rename(src, dest)
}
