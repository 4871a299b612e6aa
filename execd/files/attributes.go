package files

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// attributes are what is set on a file or directory; -1 and 0 leave as is.
type attributes struct {
	uid, gid int
	mode     uint32
}

// newAttributes reads a Permission of the API: a mode of 0, and an owner or group of "", leave as is. Owners and
// groups are names and nothing else.
func newAttributes(accounts *account.Accounts, mode int, owner, group string) (a attributes, err error) {
	a = attributes{uid: -1, gid: -1}
	if mode != 0 {
		if a.mode, err = ParseMode(mode); err != nil {
			return a, err
		}
	}
	if owner != "" {
		uid, ok := accounts.UID(owner)
		if !ok {
			return a, fault.Errorf(fault.Invalid, "there is no user %q here", owner)
		}
		a.uid = int(uid)
	}
	if group != "" {
		gid, ok := accounts.GID(group)
		if !ok {
			return a, fault.Errorf(fault.Invalid, "there is no group %q here", group)
		}
		a.gid = int(gid)
	}
	return a, nil
}

// attributesOf is all that something has.
func attributesOf(st *unix.Stat_t) attributes {
	return attributes{int(st.Uid), int(st.Gid), st.Mode & 0o7777}
}

// owns tells whether a names an owner or a group.
func (a attributes) owns() bool { return a.uid >= 0 || a.gid >= 0 }

// set applies a to an open file. Ownership comes first, as changing it drops setuid and setgid.
func (a attributes) set(f *os.File) error {
	if a.owns() {
		if err := f.Chown(a.uid, a.gid); err != nil {
			return err
		}
	}
	if a.mode != 0 {
		return chmod(f, a.mode)
	}
	return nil
}

// over sets on f what a names, and for the rest what the file has that it replaces.
func (a attributes) over(f *os.File, old *unix.Stat_t) error {
	if old == nil {
		return a.set(f)
	}
	if err := f.Chown(int(old.Uid), int(old.Gid)); err != nil && !errors.Is(err, os.ErrPermission) {
		return err // who may not give a file away keeps it
	}
	if a.mode == 0 {
		a.mode = old.Mode & 0o7777
	}
	return a.set(f)
}

// setPath applies a to what path means, through links, and gives what was there before.
func (a attributes) setPath(path string) (before attributes, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return before, err
	}
	before = attributesOf(&st)
	if a.owns() {
		if err := unix.Chown(path, a.uid, a.gid); err != nil {
			return before, err
		}
		if a.mode == 0 && before.mode&(unix.S_ISUID|unix.S_ISGID) != 0 { // which the kernel has dropped
			return before, unix.Chmod(path, before.mode)
		}
	}
	if a.mode != 0 {
		return before, unix.Chmod(path, a.mode)
	}
	return before, nil
}

// restore gives back what setPath found.
func (a attributes) restore(path string) {
	_ = unix.Chown(path, a.uid, a.gid)
	_ = unix.Chmod(path, a.mode)
}

// chmod sets permission bits with setuid, setgid and sticky, which os.FileMode keeps elsewhere.
func chmod(f *os.File, bits uint32) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if cerr := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), bits) }); cerr != nil {
		return cerr
	}
	return err
}
