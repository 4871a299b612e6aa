package files_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
)

func TestRemoveDeletesAllThatIsNoDirectory(t *testing.T) {
	dir := oddities(t)
	var paths []string
	for _, name := range []string{"file", "link", "dangling", "loop", "fifo", "socket", "none", "none/deeper", "file/x", "link"} {
		paths = append(paths, dir+"/"+name)
	}
	must(t, files.Remove(paths))
	if left := tree(t, dir); !slices.Equal(left, []string{"", "/dir"}) {
		t.Error(left)
	}
	must(t, files.Remove(paths))
	must(t, files.Remove(nil))
}

func TestRemoveTakesALinkAndNotItsTarget(t *testing.T) {
	dir := oddities(t)
	must(t, os.Symlink("dir", dir+"/to-dir"))
	must(t, files.Remove([]string{dir + "/link", dir + "/to-dir"}))
	if left := tree(t, dir); !slices.Contains(left, "/file") || !slices.Contains(left, "/dir") || slices.Contains(left, "/to-dir") {
		t.Error(left)
	}
}

func TestRemoveOfSeveralFilesFailsAsAWhole(t *testing.T) {
	dir := oddities(t)
	bad := append(badPaths(dir), dir, dir+"/dir", dir+"/dir/", dir+"/dir/.", "/", "/proc/version", "/proc/self/comm")
	for _, path := range bad {
		unchanged(t, dir, func() {
			if err := files.Remove([]string{dir + "/file", path, dir + "/fifo"}); kindOf(err) != fault.Invalid {
				t.Errorf("%.80q: %v", path, err)
			}
		})
	}
}

func TestRemoveFromWhatIsReadOnlyOrMounted(t *testing.T) {
	needRoot(t)
	dir := oddities(t)
	mount(t, dir+"/m")
	must(t, os.WriteFile(dir+"/m/f", nil, 0o644))
	must(t, os.WriteFile(dir+"/over", nil, 0o644))
	must(t, syscall.Mount(dir+"/file", dir+"/over", "", syscall.MS_BIND, ""))
	defer func() { _ = syscall.Unmount(dir+"/over", 0) }()
	remountReadOnly(t, dir+"/m")
	for path, word := range map[string]string{dir + "/m/f": "read-only", dir + "/over": "mount"} {
		unchanged(t, dir, func() {
			if err := files.Remove([]string{dir + "/file", path}); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
}

func TestRemoveDirsIsRecursiveAndFollowsNoLink(t *testing.T) {
	dir := oddities(t)
	must(t, os.MkdirAll(dir+"/dir/a/b/c", 0o755))
	must(t, os.WriteFile(dir+"/dir/a/f", nil, 0o644))
	must(t, os.Symlink(dir, dir+"/dir/a/up"))
	must(t, os.Mkdir(dir+"/other", 0o700))
	must(t, files.RemoveDirs([]string{dir + "/dir/", dir + "/other", dir + "/none", dir + "/file/none", dir + "/dir/a"}))
	left := tree(t, dir)
	if slices.Contains(left, "/dir") || slices.Contains(left, "/other") || !slices.Contains(left, "/file") {
		t.Error(left)
	}
	must(t, files.RemoveDirs([]string{dir + "/dir"}))
}

func TestRemoveDirsOfADeepTree(t *testing.T) {
	dir := t.TempDir()
	deepTree(t, dir, 3000)
	must(t, files.RemoveDirs([]string{dir + "/d"}))
	if left := tree(t, dir); len(left) != 1 {
		t.Errorf("%d left", len(left))
	}
}

// deepTree makes a directory in a directory and so on, deeper than a path can say.
func deepTree(t *testing.T, dir string, depth int) {
	t.Helper()
	fd, err := syscall.Open(dir, syscall.O_DIRECTORY, 0)
	must(t, err)
	for range depth {
		must(t, syscall.Mkdirat(fd, "d", 0o755))
		next, err := syscall.Openat(fd, "d", syscall.O_DIRECTORY, 0)
		must(t, err)
		must(t, syscall.Close(fd))
		fd = next
	}
	must(t, syscall.Close(fd))
}

func TestRemoveDirsRefuses(t *testing.T) {
	dir := oddities(t)
	must(t, os.Symlink("dir", dir+"/to-dir"))
	must(t, os.WriteFile(dir+"/dir/f", nil, 0o644))
	bad := append(badPaths(dir), dir+"/file", dir+"/link", dir+"/to-dir", dir+"/to-dir/", dir+"/fifo", dir+"/dangling", dir+"/loop",
		"/", "//", "///", "/.", "/./", "/..", "/proc/..", "/proc/../", "/../..", "/proc/self/root/", "/proc/self/root/.", "/proc", "/proc/self", dir+"/dir/.", dir+"/dir/..", ".", "..")
	for _, path := range bad {
		unchanged(t, dir, func() {
			if err := files.RemoveDirs([]string{dir + "/dir", path}); kindOf(err) != fault.Invalid {
				t.Errorf("%.80q: %v", path, err)
			}
		})
	}
}

func TestRemoveDirsSaysWhatIsMountedInside(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir+"/a/b/m p")
	must(t, os.WriteFile(dir+"/a/f", nil, 0o644))
	link := filepath.Join(dir, "via")
	must(t, os.Symlink("a", link))
	for _, path := range []string{dir + "/a", dir + "/a/b", dir + "/a/b/m p", link + "/b"} {
		unchanged(t, dir, func() {
			if err := files.RemoveDirs([]string{path}); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), dir+"/a/b/m p") || !strings.Contains(err.Error(), "mounted") {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	must(t, os.Mkdir(dir+"/a/b/m p/in", 0o755))
	remountReadOnly(t, dir+"/a/b/m p")
	if err := files.RemoveDirs([]string{dir + "/a/b/m p/in"}); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
}
