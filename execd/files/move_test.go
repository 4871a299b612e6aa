package files_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// moves takes "src dest" pairs below dir.
func moves(dir string, paths ...string) []execdapi.RenameFileItem {
	var items []execdapi.RenameFileItem
	for i := 0; i < len(paths); i += 2 {
		items = append(items, execdapi.RenameFileItem{Src: dir + "/" + paths[i], Dest: dir + "/" + paths[i+1]})
	}
	return items
}

func TestMoveKeepsWhatItMoves(t *testing.T) {
	dir := oddities(t)
	must(t, os.WriteFile(dir+"/dir/f", []byte("in it"), 0o604))
	must(t, files.Move(t.Context(), moves(dir,
		"file", "dir/file2", "link", "link2", "dangling", "dir/d2", "fifo", "fifo2", "dir", "moved/", // with what has come into it
		"link2", "link", "fifo2", "a", "a", "b", // in turn
	)))
	want := []string{" 40755 0:0 0 ", "/b 10600 0:0 0 ", "/link 120777 0:0 0 file", "/loop 120777 0:0 0 loop", "/moved 40755 0:0 0 ",
		"/moved/d2 120777 0:0 0 nowhere", `/moved/f 100604 0:0 0 "in it" 5`, `/moved/file2 104640 0:0 0 "content" 7`, "/socket 140755 0:0 0 "}
	if os.Geteuid() != 0 {
		return // others own it
	}
	if diff := cmp.Diff(want, state(t, dir)); diff != "" {
		t.Error(diff)
	}
	must(t, files.Move(t.Context(), nil))
}

func TestMovesThatFailChangeNothing(t *testing.T) {
	dir := oddities(t)
	must(t, os.Mkdir(dir+"/dir/sub", 0o755))
	must(t, os.Mkdir(dir+"/empty", 0o755))
	type row struct {
		name  string
		items []execdapi.RenameFileItem
		want  fault.Kind
	}
	rows := []row{
		{"a missing source", moves(dir, "none", "x"), fault.Missing},
		{"a source in a file", moves(dir, "file/x", "x"), fault.Missing},
		{"a file with a slash behind", moves(dir, "file/", "x"), fault.Missing},
		{"onto a file", moves(dir, "fifo", "file"), fault.Invalid},
		{"onto itself", moves(dir, "file", "file"), fault.Invalid},
		{"a directory onto itself", moves(dir, "dir", "dir/"), fault.Invalid},
		{"onto a directory", moves(dir, "file", "dir"), fault.Invalid},
		{"a directory onto an empty one", moves(dir, "dir", "empty"), fault.Invalid},
		{"onto a link", moves(dir, "file", "dangling"), fault.Invalid},
		{"into itself", moves(dir, "dir", "dir/x"), fault.Invalid},
		{"deep into itself", moves(dir, "dir", "dir/sub/x"), fault.Invalid},
		{"to a missing parent", moves(dir, "file", "no/x"), fault.Invalid},
		{"to a parent that is a file", moves(dir, "file", "socket/x"), fault.Invalid},
		{"a file to a name with a slash", moves(dir, "file", "x/"), fault.Invalid},
		{"twice to one dest", moves(dir, "file", "x", "link", "x"), fault.Invalid},
		{"one source twice", moves(dir, "file", "x", "file", "y"), fault.Missing},
		{"the root", []execdapi.RenameFileItem{{Src: "/", Dest: dir + "/x"}}, fault.Invalid},
		{"into /proc", []execdapi.RenameFileItem{{Src: dir + "/file", Dest: "/proc/x"}}, fault.Invalid},
		{"out of /proc", []execdapi.RenameFileItem{{Src: "/proc/self/comm", Dest: dir + "/x"}}, fault.Invalid},
	}
	for _, bad := range badPaths(dir) {
		rows = append(rows, row{"from a bad path", []execdapi.RenameFileItem{{Src: bad, Dest: dir + "/x"}}, fault.Invalid},
			row{"to a bad path", []execdapi.RenameFileItem{{Src: dir + "/file", Dest: bad}}, fault.Invalid})
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			unchanged(t, dir, func() {
				items := append(moves(dir, "empty", "e2", "socket", "s2", "s2", "socket"), c.items...)
				if strings.Contains(c.name, "empty") {
					items = c.items
				}
				if err := files.Move(t.Context(), items); kindOf(err) != c.want {
					t.Errorf("%.200q: %v", c.items, err)
				}
			})
		})
	}
}

// treeToCopy makes t, with everything that has to survive a copy.
func treeToCopy(t *testing.T, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir+"/t/sub", 0o755))
	must(t, os.WriteFile(dir+"/t/f", []byte(strings.Repeat("x", 70000)), 0o600))
	must(t, os.Link(dir+"/t/f", dir+"/t/sub/same"))
	must(t, os.Symlink("../f", dir+"/t/sub/link"))
	must(t, syscall.Mkfifo(dir+"/t/fifo", 0o640))
	must(t, os.Chown(dir+"/t/f", 7, 8))
	must(t, os.Lchown(dir+"/t/sub/link", 7, 8))
	must(t, syscall.Chmod(dir+"/t/f", 0o4711))
	must(t, syscall.Chmod(dir+"/t/sub", 0o3750))
	_ = unix.Setxattr(dir+"/t/f", "trusted.mark", []byte("kept"), 0)
	old := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	for _, name := range []string{"f", "sub", ""} {
		must(t, os.Chtimes(dir+"/t/"+name, old, old))
	}
}

func TestMoveAcrossFileSystems(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir+"/m")
	treeToCopy(t, dir)
	want := state(t, dir+"/t")
	must(t, files.Move(t.Context(), moves(dir, "t", "m/there", "m/there", "m/moved")))
	if diff := cmp.Diff(want, state(t, dir+"/m/moved")); diff != "" {
		t.Error(diff)
	}
	if left := tree(t, dir); len(left) != len(want)+2 {
		t.Errorf("left over: %v", left)
	}
	var a, b syscall.Stat_t
	must(t, syscall.Stat(dir+"/m/moved/f", &a))
	must(t, syscall.Stat(dir+"/m/moved/sub/same", &b))
	if a.Ino != b.Ino || a.Nlink != 2 {
		t.Error("two names of one file became two files")
	}
	for _, name := range []string{"f", "sub"} {
		if info, err := os.Stat(dir + "/m/moved/" + name); err != nil || info.ModTime().UnixNano() != time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC).UnixNano() {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	value := make([]byte, 10)
	if n, err := unix.Getxattr(dir+"/m/moved/f", "trusted.mark", value); err == nil && string(value[:n]) != "kept" {
		t.Errorf("attribute %q", value[:n])
	}
}

func TestMovesAcrossFileSystemsThatFailChangeNothing(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir+"/m")
	treeToCopy(t, dir)
	must(t, os.WriteFile(dir+"/big", make([]byte, 2<<20), 0o600))
	must(t, os.Mkdir(dir+"/m/there", 0o755))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		items []execdapi.RenameFileItem
		want  fault.Kind
	}{
		{"no space", t.Context(), moves(dir, "t", "m/t", "big", "m/big"), fault.Full},
		{"the dest is there", t.Context(), moves(dir, "t", "m/there"), fault.Invalid},
		{"one source twice", t.Context(), moves(dir, "t", "m/t", "t", "m/u"), fault.Missing},
		{"one source and what was in it", t.Context(), moves(dir, "t", "m/t", "t/sub/same", "m/u"), fault.Missing},
		{"to where the source still is", t.Context(), moves(dir, "t/f", "m/f", "m/there", "t/f"), fault.Invalid},
		{"a missing parent", t.Context(), moves(dir, "t", "m/no/t"), fault.Invalid},
		{"a missing source later", t.Context(), moves(dir, "t", "m/t", "none", "x"), fault.Missing},
		{"a mount point", t.Context(), moves(dir, "m", "x"), fault.Invalid},
		{"the caller went away", gone, moves(dir, "t", "m/t"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			unchanged(t, dir, func() {
				if err := files.Move(c.ctx, c.items); err == nil || kindOf(err) != c.want {
					t.Error(err)
				}
			})
		})
	}
	must(t, os.Mkdir(dir+"/t/inner", 0o755))
	must(t, syscall.Mount(dir+"/m", dir+"/t/inner", "", syscall.MS_BIND, ""))
	defer func() { _ = syscall.Unmount(dir+"/t/inner", syscall.MNT_DETACH) }()
	unchanged(t, dir, func() {
		if err := files.Move(t.Context(), moves(dir, "t", "t/inner/x")); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "mount") {
			t.Errorf("into a mount in itself: %v", err)
		}
	})
	remountReadOnly(t, dir+"/m")
	unchanged(t, dir, func() {
		for _, items := range [][]execdapi.RenameFileItem{moves(dir, "big", "m/big"), moves(dir, "m/there", "there")} {
			if err := files.Move(t.Context(), items); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "read-only") {
				t.Errorf("read-only: %v", err)
			}
		}
	})
}

// TestOnTheLayersOfAnImage is about overlayfs, as a container has it: directories of a lower layer can't be renamed.
func TestOnTheLayersOfAnImage(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	for _, name := range []string{"lower/t/sub", "upper", "work", "m"} {
		must(t, os.MkdirAll(dir+"/"+name, 0o755))
	}
	write(t, dir, "lower/t/f", "lower/t/sub/g", "lower/h")
	if err := syscall.Mount("overlay", dir+"/m", "overlay", 0, "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work"); err != nil {
		t.Skip("SKIPPED: no overlay can be mounted here: ", err)
	}
	defer func() { _ = syscall.Unmount(dir+"/m", syscall.MNT_DETACH) }()
	unchanged(t, dir+"/m", func() {
		for dest, want := range map[string]fault.Kind{"t/sub/x": fault.Invalid, "h": fault.Invalid, "h/x": fault.Invalid, "none/x": fault.Invalid} {
			if err := files.Move(t.Context(), moves(dir+"/m", "t", dest)); kindOf(err) != want {
				t.Errorf("to %s: %v", dest, err)
			}
		}
	})
	want := state(t, dir+"/m/t")
	must(t, files.Move(t.Context(), moves(dir+"/m", "t", "moved", "h", "h2")))
	if diff := cmp.Diff(want, state(t, dir+"/m/moved")); diff != "" {
		t.Error(diff)
	}
	if _, err := files.Replace(t.Context(), replacements(dir+"/m/moved/f", "x", "y", dir+"/m/h2", "x", "y")); err != nil {
		t.Error(err)
	}
	must(t, files.RemoveDirs([]string{dir + "/m/moved"}))
	must(t, files.Remove([]string{dir + "/m/h2"}))
	if left := tree(t, dir+"/m"); len(left) != 1 {
		t.Error(left)
	}
}
