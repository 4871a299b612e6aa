package files

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// upload holds the files of one request until all of them are there.
type upload struct {
	buf    *bufio.Writer
	staged []staged
	made   []string // directories, outermost first
}

type staged struct{ temp, target string }

// stage writes content to a file beside target, with all that it will have in the end.
func (u *upload) stage(path string, a attributes, content io.Reader) error {
	target, old, err := resolve(path)
	if err != nil {
		return unwritable(path, err)
	}
	dir := filepath.Dir(target)
	if err := u.makeParents(dir, a); err != nil {
		return unwritable(path, err)
	}
	temp := filepath.Join(dir, ".execd-upload-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // the umask says what a new file gets
	if err != nil {
		return unwritable(path, err)
	}
	u.staged = append(u.staged, staged{temp, target})
	defer f.Close()
	if err := u.copy(f, content); err != nil {
		return unwritable(path, err)
	}
	if err := a.over(f, old); err != nil {
		return unwritable(path, err)
	}
	return unwritable(path, f.Close())
}

// copy fills f, and tells a body that broke off from a disk that failed.
func (u *upload) copy(f *os.File, content io.Reader) error {
	u.buf.Reset(struct{ io.Writer }{f}) // hides File.ReadFrom, which would bypass the buffer
	if _, err := io.Copy(u.buf, source{content}); err != nil {
		return err
	}
	return u.buf.Flush()
}

// source marks the errors of a body as the sender's.
type source struct{ r io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		err = brokenOff(err)
	}
	return n, err
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

// commit puts every file in its place.
func (u *upload) commit() error {
	for len(u.staged) > 0 {
		s := u.staged[0]
		if err := put(s); err != nil {
			return unwritable(s.target, err)
		}
		u.staged = u.staged[1:]
	}
	return nil
}

// put replaces the target at once. A file that is itself a mount, as a container's /etc/hosts, can't be
// replaced: it is overwritten.
func put(s staged) error {
	err := os.Rename(s.temp, s.target)
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	from, err := os.Open(s.temp)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(s.target, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	if info, err := from.Stat(); err == nil {
		st := info.Sys().(*syscall.Stat_t)
		if err := (attributes{int(st.Uid), int(st.Gid), st.Mode & 0o7777}).set(to); err != nil {
			return err
		}
	}
	if err := os.Remove(s.temp); err != nil {
		return err
	}
	return to.Close()
}

// undo removes what was written and not put in place.
func (u *upload) undo() {
	for _, s := range u.staged {
		os.Remove(s.temp)
	}
	for i := len(u.made) - 1; i >= 0; i-- {
		os.Remove(u.made[i]) // only where it is empty
	}
}

// makeParents makes the directories that are missing above a file, owned as the file is.
func (u *upload) makeParents(dir string, a attributes) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fault.Errorf(fault.Invalid, "%q is not a directory", dir)
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		if errors.Is(err, syscall.ENOTDIR) {
			return fault.Errorf(fault.Invalid, "a part of %q is not a directory", dir)
		}
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := u.makeParents(parent, a); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		if errors.Is(err, os.ErrExist) { // another upload was faster
			return nil
		}
		return err
	}
	u.made = append(u.made, dir)
	if a.uid >= 0 || a.gid >= 0 {
		return os.Chown(dir, a.uid, a.gid)
	}
	return nil
}

// resolve finds the file that path means, through links, and what is there now; nil where nothing is.
func resolve(path string) (string, *unix.Stat_t, error) {
	if os.IsPathSeparator(path[len(path)-1]) {
		return "", nil, fault.Errorf(fault.Invalid, "%q names a directory, not a file", path)
	}
	target, err := filepath.Abs(path)
	if err != nil {
		return "", nil, err
	}
	for range 40 { // as many as the kernel follows
		var st unix.Stat_t
		if err := unix.Lstat(target, &st); err != nil {
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
				return target, nil, nil // makeParents says what is wrong with the way there
			}
			return "", nil, err
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			to, err := os.Readlink(target)
			if err != nil {
				return "", nil, err
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(target), to)
			}
			target = to
		case unix.S_IFREG:
			return target, &st, nil
		case unix.S_IFDIR:
			return "", nil, fault.Errorf(fault.Invalid, "%q is a directory", path)
		default:
			return "", nil, fault.Errorf(fault.Invalid, "%q is a device, FIFO or socket, not a file", path)
		}
	}
	return "", nil, syscall.ELOOP
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

// unwritable is refusal for a file that is to be made: that something is not there is no answer then.
func unwritable(path string, err error) error {
	if err == nil {
		return nil
	}
	err = refusal(path, err)
	var own *fault.Error
	if errors.As(err, &own) && own.Kind == fault.Missing {
		return fault.Errorf(fault.Invalid, "%q can't be made: its directory is not there and can't be made either", path)
	}
	return err
}
