package files

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// staging holds the files of one request until all of them are there.
type staging struct {
	buf    *bufio.Writer // of use to fill
	staged []staged
	placed []staged // in their place
	made   []string // directories, outermost first
}

// staged is a file beside its target, with all that it will have in the end.
type staged struct {
	temp, target string
	fresh        bool // once placed: nothing was there before
	swapped      bool // once placed: temp is what was there before
}

// upload stages content that goes to path.
func (s *staging) upload(path string, a attributes, content io.Reader) error {
	target, old, err := resolve(path)
	if err != nil {
		return unwritable(path, err)
	}
	dir, _ := split(target)
	if err := s.makeParents(dir, a); err != nil {
		return unwritable(path, err)
	}
	err = s.stage(target, func(f *os.File) error {
		if err := s.fill(f, source{content}); err != nil {
			return err
		}
		return a.over(f, old)
	})
	return unwritable(path, err)
}

// stage makes a file beside target, for write to give it content and attributes.
func (s *staging) stage(target string, write func(f *os.File) error) error {
	dir, _ := split(target)
	temp := join(dir, ".execd-upload-"+rand.Text())
	f, err := create(temp, 0o666) // the umask says what a new file gets
	if err != nil {
		return err
	}
	s.staged = append(s.staged, staged{temp: temp, target: target})
	if err := write(f.File); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// fill copies content into f in large writes.
func (s *staging) fill(f *os.File, content io.Reader) error {
	s.buf.Reset(struct{ io.Writer }{f}) // hides File.ReadFrom, which would bypass the buffer
	if _, err := io.Copy(s.buf, content); err != nil {
		return err
	}
	return s.buf.Flush()
}

// source marks the errors of a body as the sender's, to tell a body that broke off from a disk that failed.
type source struct{ r io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		err = brokenOff(err)
	}
	return n, err
}

// commit puts every file in its place, or, where one can't be, none.
func (s *staging) commit() error {
	var mounts []staged
	several := len(s.staged) > 1
	for len(s.staged) > 0 {
		next := s.staged[0]
		err := next.place(several)
		switch {
		case errors.Is(err, syscall.EBUSY):
			mounts = append(mounts, next)
		case err != nil:
			s.staged = append(s.staged, mounts...)
			return unwritable(next.target, err)
		default:
			s.placed = append(s.placed, next)
		}
		s.staged = s.staged[1:]
	}
	for s.staged = mounts; len(s.staged) > 0; s.staged = s.staged[1:] { // last, as they can't be set back
		if err := overwrite(s.staged[0]); err != nil {
			return unwritable(s.staged[0].target, err)
		}
	}
	for _, p := range s.placed {
		if p.swapped {
			_ = os.Remove(p.temp)
		}
	}
	return nil
}

// place puts a file where it belongs at once. Where the step may have to be undone, what was there takes its name;
// a file system that can't swap names can't undo.
func (s *staged) place(undoable bool) error {
	if undoable {
		err := unix.Renameat2(unix.AT_FDCWD, s.temp, unix.AT_FDCWD, s.target, unix.RENAME_EXCHANGE)
		s.swapped, s.fresh = err == nil, errors.Is(err, unix.ENOENT)
		if !s.fresh && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
			return err
		}
	}
	return os.Rename(s.temp, s.target)
}

// overwrite is for a target that is itself a mount, as a container's /etc/hosts, and can't be replaced.
func overwrite(s staged) error {
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
	var st unix.Stat_t
	if err := unix.Stat(s.temp, &st); err != nil {
		return err
	}
	if err := attributesOf(&st).set(to); err != nil {
		return err
	}
	if err := os.Remove(s.temp); err != nil {
		return err
	}
	return to.Close()
}

// undo sets back what was put in place, and removes what was written.
func (s *staging) undo() {
	for i := len(s.placed) - 1; i >= 0; i-- {
		switch p := s.placed[i]; {
		case p.swapped:
			_ = os.Rename(p.temp, p.target)
		case p.fresh:
			_ = os.Remove(p.target)
		}
	}
	for _, p := range s.staged {
		_ = os.Remove(p.temp)
	}
	removeMade(s.made)
}

// removeMade removes directories that were made for nothing, where they are empty.
func removeMade(made []string) {
	for i := len(made) - 1; i >= 0; i-- {
		_ = unix.Rmdir(made[i])
	}
}

// makeParents makes the directories that are missing above a file, owned as the file is.
func (s *staging) makeParents(dir string, a attributes) error {
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
	if parent, _ := split(dir); parent != dir {
		if err := s.makeParents(parent, a); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		if errors.Is(err, os.ErrExist) { // another upload was faster
			return nil
		}
		return err
	}
	s.made = append(s.made, dir)
	if a.owns() {
		return os.Chown(dir, a.uid, a.gid)
	}
	return nil
}

// unwritable is refusal for a file that is to be made: that something is not there is no answer then.
func unwritable(path string, err error) error {
	if err == nil {
		return nil
	}
	err = refusal(path, err)
	var own *fault.Error
	if errors.As(err, &own) && own.Kind == fault.Missing {
		return fault.Errorf(fault.Invalid, "%q can't be written: in its directory, or where that would be, nothing can be made", path)
	}
	return err
}
