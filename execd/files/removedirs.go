package files

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// RemoveDirs removes directories and all that is in them, following no link. One that is not there is fine. What
// is no directory, the root, and what holds a mount point are found before anything is removed.
func RemoveDirs(paths []string) error {
	for _, path := range paths {
		if err := checkPath(path); err != nil {
			return err
		}
		if err := checkRemovableDir(path); err != nil && !isMissing(err) {
			return refusal(path, err)
		}
	}
	for _, path := range paths {
		if err := os.RemoveAll(trimSlashes(path)); err != nil && !isMissing(err) {
			var where *fs.PathError
			if errors.As(err, &where) && errors.Is(err, unix.EBUSY) {
				return fault.Errorf(fault.Invalid, "a file system is mounted at %q: unmount it first", where.Path)
			}
			return refusal(path, err)
		}
	}
	return nil
}

func checkRemovableDir(path string) error {
	st, err := lstat(trimSlashes(path)) // with a slash behind it a link would be followed
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case isLink(st):
		return fault.Errorf(fault.Invalid, "%q is a link, not a directory: DELETE /files removes these", path)
	case !isDir(st):
		return fault.Errorf(fault.Invalid, "%q is a file, not a directory: DELETE /files removes these", path)
	}
	root, err := lstat("/")
	if err != nil {
		return err
	}
	if root.Dev == st.Dev && root.Ino == st.Ino {
		return fault.Errorf(fault.Invalid, "%q is the root directory, which is not removed", path)
	}
	switch _, base := split(path); base {
	case ".", "..":
		return fault.Errorf(fault.Invalid, "%q: name the directory itself, not \".\" or \"..\" in it", path)
	}
	if point := mountWithin(path); point != "" {
		return fault.Errorf(fault.Invalid, "a file system is mounted at %q: unmount it first", point)
	}
	return checkRemovable(path)
}

// mountWithin is a mount point at or below a directory, "" where there is none or the kernel does not tell.
func mountWithin(dir string) string {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return ""
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 5 {
			continue
		}
		point := mountEscapes.Replace(fields[4])
		if point == real || strings.HasPrefix(point, real+"/") {
			return point
		}
	}
	return ""
}

// mountEscapes are what proc_pid_mountinfo(5) writes for the characters that it can't hold.
var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
