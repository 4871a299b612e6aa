package files

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// Remove deletes files; of a link, the link. One that is not there is fine. All are checked before the first is
// deleted: a directory among them, and one that can't be deleted, change nothing.
func Remove(paths []string) error {
	for _, path := range paths {
		if err := checkPath(path); err != nil {
			return err
		}
		st, err := lstat(path)
		if isMissing(err) {
			continue
		}
		if err == nil && isDir(st) {
			err = fault.Errorf(fault.Invalid, "%q is a directory: DELETE /directories removes these", path)
		}
		if err == nil {
			err = checkRemovable(path)
		}
		if err != nil && !isMissing(err) { // someone else may have been faster
			return refusal(path, err)
		}
	}
	for _, path := range paths {
		if err := unix.Unlink(path); err != nil && !isMissing(err) {
			if errors.Is(err, unix.EISDIR) {
				return fault.Errorf(fault.Invalid, "%q has become a directory", path)
			}
			return refusal(path, err)
		}
	}
	return nil
}

// isMissing tells that nothing has this path.
func isMissing(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) }

// checkRemovable says beforehand why the name of something can't be taken from its directory: this is what makes a
// request over several all or nothing.
func checkRemovable(path string) error {
	dir, _ := split(path)
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &os.PathError{Op: "write", Path: dir, Err: err}
	}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil && (fs.Type == unix.PROC_SUPER_MAGIC || fs.Type == unix.SYSFS_MAGIC) {
		return unix.EPERM // the kernel's own
	}
	var st, parent unix.Statx_t
	for _, look := range []struct {
		path  string
		flags int
		into  *unix.Statx_t
	}{{path, unix.AT_SYMLINK_NOFOLLOW, &st}, {dir, 0, &parent}} {
		err := unix.Statx(unix.AT_FDCWD, look.path, look.flags, unix.STATX_BASIC_STATS, look.into)
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
			return nil // the removal itself will say
		}
		if err != nil {
			return err
		}
	}
	const locked = unix.STATX_ATTR_IMMUTABLE | unix.STATX_ATTR_APPEND
	euid := uint32(os.Geteuid())
	switch {
	case st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return unix.EBUSY
	case st.Attributes&locked != 0, parent.Attributes&locked != 0:
		return unix.EPERM
	case parent.Mode&unix.S_ISVTX != 0 && euid != 0 && euid != st.Uid && euid != parent.Uid:
		return unix.EPERM
	}
	return nil
}
