// Package files reads and changes the sandbox's files and directories for callers of the daemon: what they are,
// where they are, and their content, whole or in part. A request over several paths is checked as a whole before
// anything is changed, and what fails half-way is undone. Refusals are fault.Errors; nothing that is no regular file is ever opened, so
// that nothing waits.
package files

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// checkPath refuses what can't be a path.
func checkPath(path string) error {
	if path == "" {
		return fault.Errorf(fault.Invalid, "path must not be empty")
	}
	if strings.IndexByte(path, 0) >= 0 {
		return fault.Errorf(fault.Invalid, "path must hold no NUL character")
	}
	return nil
}

// refusal turns an error of the file system into words for the caller, where the caller can mend it.
func refusal(path string, err error) error {
	var own *fault.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fault.Errorf(fault.Missing, "there is no %q", path)
	case errors.Is(err, fs.ErrPermission):
		return fault.Errorf(fault.Invalid, "%q: the daemon's user has no permission for this: %w", path, err)
	case errors.Is(err, syscall.ELOOP):
		return fault.Errorf(fault.Invalid, "%q: its links go in a circle", path)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fault.Errorf(fault.Invalid, "the path is too long for this system")
	case errors.Is(err, syscall.EROFS):
		return fault.Errorf(fault.Invalid, "%q is on a read-only file system", path)
	case errors.Is(err, syscall.EISDIR):
		return fault.Errorf(fault.Invalid, "%q is a directory", path)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Errorf(fault.Full, "there is no space left for %q", path)
	case errors.Is(err, syscall.EBUSY):
		return fault.Errorf(fault.Invalid, "%q is a mount point, or in use by the system", path)
	case errors.Is(err, syscall.ETXTBSY):
		return fault.Errorf(fault.Invalid, "%q is a program that runs: end it first", path)
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EMLINK):
		return fault.Errorf(fault.Invalid, "%q: its file system does not allow this: %w", path, err)
	default:
		return err
	}
}

// openRegular opens a file for reading, following links. It looks before it opens, as opening a FIFO waits
// and opening a device may do anything.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	if err := checkPath(path); err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(path)
	if err == nil {
		err = mustBeRegular(path, info)
	}
	if err != nil {
		return nil, nil, refusal(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, refusal(path, err)
	}
	_ = f.SetReadDeadline(time.Now().Add(time.Second)) // for the few files of /proc that wait; others take none
	if info, err = f.Stat(); err == nil {              // it may be another by now
		err = mustBeRegular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, nil, refusal(path, err)
	}
	return f, info, nil
}

func mustBeRegular(path string, info os.FileInfo) error {
	switch {
	case info.IsDir():
		return fault.Errorf(fault.Invalid, "%q is a directory, not a file", path)
	case !info.Mode().IsRegular():
		return fault.Errorf(fault.Invalid, "%q is a device, FIFO or socket, not a file", path)
	}
	return nil
}
