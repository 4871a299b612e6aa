package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// state is all that can be seen of what lies below dir: names, types, modes, owners, contents and targets.
func state(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		content := ""
		switch {
		case e.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf("%.100q %d", b, len(b))
		case e.Type()&os.ModeSymlink != 0:
			content, _ = os.Readlink(path)
		}
		lines = append(lines, fmt.Sprintf("%s %o %d:%d %d %s", strings.TrimPrefix(path, dir), st.Mode, st.Uid, st.Gid, st.Rdev, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// unchanged runs do, which must leave all below dir as it was.
func unchanged(t *testing.T, dir string, do func()) {
	t.Helper()
	before := state(t, dir)
	do()
	if diff := cmp.Diff(before, state(t, dir)); diff != "" {
		t.Errorf("it changed:\n%s", diff)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needRoot skips, and says so, what only root can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can do this")
	}
}

// mount mounts a file system of 1 MB at dir until the end of the test.
func mount(t *testing.T, dir string) {
	t.Helper()
	needRoot(t)
	must(t, os.MkdirAll(dir, 0o755))
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m,mode=755"); err != nil {
		t.Skip("SKIPPED: no tmpfs can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

func remountReadOnly(t *testing.T, dir string) {
	t.Helper()
	must(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
}

// badPaths can't be paths of anything.
func badPaths(dir string) []string {
	return []string{"", "a\x00b", dir + "/" + strings.Repeat("n", 300), "/" + strings.Repeat("n/", 3000), dir + "/loop/x"}
}
