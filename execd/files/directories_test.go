package files_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func TestMakeDirsWithParents(t *testing.T) {
	needRoot(t)
	umask := syscall.Umask(0o077)
	defer syscall.Umask(umask)
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/old", 0o700))
	must(t, os.Symlink("old", dir+"/link"))
	must(t, files.MakeDirs(map[string]execdapi.Permission{
		dir + "/a/b/c":       permission(2750, "daemon", "bin"),
		dir + "/a":           permission(711, "-", "null"), // before what is in it, in whatever order they came
		dir + "//a/x/":       {},
		dir + "/old":         permission(777, "daemon", "-"), // left as it is
		dir + "/link/in":     permission(1777, "-", "bin"),
		dir + "/link/":       {},
		dir + "/n/../m/./k/": permission(700, "-", "-"),
	}))
	want := []string{" 40755 0:0", "/a 40711 0:0", "/a/b 40755 1:2", "/a/b/c 42750 1:2", "/a/x 40755 0:0", "/link 120777 0:0 old", "/m 40755 0:0", "/m/k 40700 0:0", "/n 40755 0:0", "/old 40700 0:0", "/old/in 41777 0:2"}
	got := state(t, dir)
	for i := range got {
		got[i] = strings.TrimSuffix(strings.Replace(got[i], " 0 ", " ", 1), " ")
	}
	must(t, os.Chmod(dir, 0o755))
	if diff := cmp.Diff(want[1:], got[1:]); diff != "" {
		t.Error(diff)
	}
	must(t, files.MakeDirs(nil))
}

func TestMakeDirsFailsAsAWhole(t *testing.T) {
	dir := oddities(t)
	good := execdapi.Permission{}
	type row struct {
		path  string
		given execdapi.Permission
	}
	rows := []row{
		{dir + "/file", good}, {dir + "/file/x", good}, {dir + "/fifo", good}, {dir + "/dangling", good}, {dir + "/dangling/x", good}, {dir + "/loop", good}, {"/proc/x/y", good},
		{dir + "/z/z", permission(755, "no-such-user", "-")}, {dir + "/z/z", permission(755, "-", "no-such-group")}, {dir + "/z/z", permission(888, "-", "-")}, {dir + "/z/z", permission(-1, "-", "-")},
	}
	for _, path := range badPaths(dir) {
		rows = append(rows, row{path, good})
	}
	for _, c := range rows {
		unchanged(t, dir, func() {
			err := files.MakeDirs(map[string]execdapi.Permission{dir + "/dir/a/b": good, dir + "/new": good, c.path: c.given})
			if kindOf(err) != fault.Invalid {
				t.Errorf("%.80q: %v", c.path, err)
			}
		})
	}
}

func TestMakeDirsWhereThereIsNoSpace(t *testing.T) {
	dir := t.TempDir()
	needRoot(t)
	must(t, os.Mkdir(dir+"/m", 0o755))
	if err := syscall.Mount("none", dir+"/m", "tmpfs", 0, "nr_inodes=4"); err != nil {
		t.Skip("SKIPPED: no tmpfs can be mounted here: ", err)
	}
	defer func() { _ = syscall.Unmount(dir+"/m", syscall.MNT_DETACH) }()
	unchanged(t, dir, func() {
		if err := files.MakeDirs(map[string]execdapi.Permission{dir + "/a": {}, dir + "/m/1/2/3/4/5": {}}); kindOf(err) != fault.Full {
			t.Error(err)
		}
	})
	remountReadOnly(t, dir+"/m")
	unchanged(t, dir, func() {
		if err := files.MakeDirs(map[string]execdapi.Permission{dir + "/a": {}, dir + "/m/1": {}}); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "read-only") {
			t.Error(err)
		}
	})
}

func TestListOrder(t *testing.T) {
	dir := oddities(t)
	write(t, dir, "dir/b", "dir/a/deep/x", "dir/a-b", "dir/Z", "dir.txt")
	must(t, os.Symlink("..", dir+"/dir/up"))
	must(t, os.Mkdir(dir+"/dir/empty", 0o755))
	first := []string{"dangling symlink", "dir directory", "dir.txt file", "fifo other", "file file", "link symlink", "loop symlink", "socket other"}
	second := []string{"dangling symlink", "dir directory", "dir/Z file", "dir/a directory", "dir/a-b file", "dir/b file", "dir/empty directory", "dir/up symlink",
		"dir.txt file", "fifo other", "file file", "link symlink", "loop symlink", "socket other"}
	full := append(append(append([]string{}, second[:4]...), "dir/a/deep directory", "dir/a/deep/x file"), second[4:]...)
	t.Chdir(dir)
	for _, c := range []struct {
		path, root string
		depth      int
		want       []string
	}{
		{dir, dir, 0, []string{}},
		{dir, dir, 1, first},
		{dir + "/", dir, 1, first},
		{dir + "/dir/..", dir + "/dir/..", 1, first},
		{".", dir + "/.", 1, first},
		{dir, dir, 2, second},
		{dir, dir, 4, full},
		{dir, dir, 1 << 40, full},
		{"dir", dir + "/dir", 1, []string{"Z file", "a directory", "a-b file", "b file", "empty directory", "up symlink"}},
		{dir + "/dir/empty", dir + "/dir/empty", 5, []string{}},
	} {
		infos, err := hitsOf(files.List(t.Context(), c.path, c.depth))
		must(t, err)
		got := []string{}
		for _, info := range infos {
			name, ok := strings.CutPrefix(info.Path, c.root+"/")
			if !ok {
				t.Errorf("%s is not below %s", info.Path, c.root)
			}
			got = append(got, name+" "+string(info.Type.Value))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s to %d:\n%s", c.path, c.depth, diff)
		}
	}
}

func TestListRefuses(t *testing.T) {
	dir := oddities(t)
	must(t, os.Symlink("dir", dir+"/to-dir"))
	for path, want := range map[string]fault.Kind{
		dir + "/none": fault.Missing, dir + "/file/x": fault.Missing, dir + "/file": fault.Invalid, dir + "/fifo": fault.Invalid,
		dir + "/to-dir": fault.Invalid, dir + "/to-dir/": fault.Invalid, dir + "/dangling": fault.Invalid, dir + "/loop": fault.Invalid,
	} {
		for _, depth := range []int{0, 1} {
			if infos, err := hitsOf(files.List(t.Context(), path, depth)); kindOf(err) != want || infos != nil {
				t.Errorf("%s: %v %v", path, infos, err)
			}
		}
	}
	for _, path := range badPaths(dir) {
		if infos, err := hitsOf(files.List(t.Context(), path, 1)); kindOf(err) != fault.Invalid || infos != nil {
			t.Errorf("%.80q: %v %v", path, infos, err)
		}
	}
}

func TestListOfTheRoot(t *testing.T) {
	infos, err := hitsOf(files.List(t.Context(), "/", 1))
	if err != nil || len(infos) == 0 || strings.HasPrefix(infos[0].Path, "//") {
		t.Errorf("%v %v", infos, err)
	}
}
