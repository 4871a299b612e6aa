package files

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// newDirMode is what a directory gets whose mode is not said, and every parent, whatever the umask.
const newDirMode = 0o755

// MakeDirs makes directories with their parents, which are owned as they are. One that exists is left as it is.
// Where one can't be made, none is.
func MakeDirs(items map[string]execdapi.Permission) (err error) {
	wanted, err := readPermissions(items)
	if err != nil {
		return err
	}
	var m dirMaker
	defer func() {
		if err != nil {
			removeMade(m.made)
		}
	}()
	for _, path := range inOrder(wanted) {
		a := wanted[path]
		if a.mode == 0 {
			a.mode = newDirMode
		}
		if err := m.make(trimSlashes(path), a); err != nil {
			return unwritable(path, err)
		}
	}
	return nil
}

type dirMaker struct{ made []string } // outermost first

func (m *dirMaker) make(path string, a attributes) error {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	switch {
	case err == nil && isDir(&st):
		return nil
	case err == nil, errors.Is(err, unix.ENOTDIR):
		return fault.Errorf(fault.Invalid, "%q, or a part of it, is there and is not a directory", path)
	case !errors.Is(err, unix.ENOENT):
		return err
	}
	if parent, _ := split(path); parent != path {
		above := a
		above.mode = newDirMode
		if err := m.make(parent, above); err != nil {
			return err
		}
	}
	if err := unix.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, unix.EEXIST) {
			if unix.Stat(path, &st) == nil && isDir(&st) { // someone was faster, or it is a ".."
				return nil
			}
			return fault.Errorf(fault.Invalid, "%q is there and is not a directory", path)
		}
		return err
	}
	m.made = append(m.made, path)
	_, err = a.setPath(path)
	return err
}
