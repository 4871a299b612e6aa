package files

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// copyNew copies a file or a tree to where nothing is: beside it first, so that it appears there at once.
func copyNew(ctx context.Context, src, dest string) error {
	if _, err := lstat(dest); err == nil {
		return unix.EEXIST
	}
	if point := mountWithin(src); point != "" { // it could not be removed
		return fault.Errorf(fault.Invalid, "a file system is mounted at %q: unmount it first", point)
	}
	if err := checkRemovable(src); err != nil {
		return refusal(src, err)
	}
	dir, _ := split(dest)
	temp := join(dir, ".execd-move-"+rand.Text())
	c := copier{ctx: ctx, links: map[inode]string{}}
	err := c.copy(trimSlashes(src), temp)
	if err == nil {
		err = renameNew(temp, dest)
	}
	if err != nil {
		_ = os.RemoveAll(temp)
	}
	return err
}

type inode struct{ dev, ino uint64 }

// copier copies trees with all that mv(1) keeps: mode, owner, times, extended attributes, links of both kinds.
type copier struct {
	ctx   context.Context
	links map[inode]string // copies of what has several names
}

func (c *copier) copy(src, dest string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	st, err := lstat(src)
	if err != nil {
		return err
	}
	if st.Nlink > 1 && !isDir(st) {
		id := inode{st.Dev, st.Ino}
		if first, ok := c.links[id]; ok {
			return os.Link(first, dest)
		}
		c.links[id] = dest
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = c.copyDir(src, dest)
	case unix.S_IFREG:
		err = copyContent(src, dest)
	case unix.S_IFLNK:
		var to string
		if to, err = os.Readlink(src); err == nil {
			err = os.Symlink(to, dest)
		}
	default:
		err = unix.Mknod(dest, st.Mode&unix.S_IFMT|0o600, int(st.Rdev))
	}
	if err != nil {
		return err
	}
	return keep(src, dest, st)
}

func (c *copier) copyDir(src, dest string) error {
	// What is in it will have to be removed.
	if err := unix.Faccessat(unix.AT_FDCWD, src, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return refusal(src, err)
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	if err := unix.Mkdir(dest, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.copy(join(src, e.Name()), join(dest, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyContent(src, dest string) error {
	from, err := os.OpenFile(src, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return refusal(src, err)
	}
	defer from.Close()
	to, err := create(dest, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to.File, from); err != nil {
		_ = to.Close()
		return err
	}
	return to.Close()
}

// keep gives a copy what its source has beside the content. Times come last, as the rest changes them.
func keep(src, dest string, st *unix.Stat_t) error {
	a := attributesOf(st)
	if err := unix.Lchown(dest, a.uid, a.gid); errors.Is(err, unix.EPERM) {
		a.mode &^= unix.S_ISUID | unix.S_ISGID // who may not give a file away keeps it, but not these
	} else if err != nil {
		return err
	}
	if !isLink(st) {
		if err := unix.Chmod(dest, a.mode); err != nil {
			return err
		}
	}
	copyXattrs(src, dest)
	return unix.UtimesNanoAt(unix.AT_FDCWD, dest, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// copyXattrs copies the extended attributes that the file system and the daemon's user allow, of links their own.
func copyXattrs(src, dest string) {
	n, err := unix.Llistxattr(src, nil)
	if err != nil || n == 0 {
		return
	}
	names := make([]byte, n)
	if n, err = unix.Llistxattr(src, names); err != nil {
		return
	}
	var value []byte
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		size, err := unix.Lgetxattr(src, name, nil)
		if err != nil {
			continue
		}
		value = append(value[:0], make([]byte, size)...)
		if size, err = unix.Lgetxattr(src, name, value); err == nil {
			_ = unix.Lsetxattr(dest, name, value[:size], 0)
		}
	}
}
