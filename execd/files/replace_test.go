package files_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// replacements takes "path old new" in threes.
func replacements(texts ...string) map[string]execdapi.ReplaceContentItem {
	items := map[string]execdapi.ReplaceContentItem{}
	for i := 0; i < len(texts); i += 3 {
		items[texts[i]] = execdapi.ReplaceContentItem{Old: texts[i+1], New: texts[i+2]}
	}
	return items
}

func TestReplaceIsLiteralAndWhole(t *testing.T) {
	const chunk = 256 << 10
	pad := func(n int) string { return strings.Repeat("-", n) }
	path := t.TempDir() + "/f"
	for _, c := range []struct{ content, old, new string }{
		{"a.b axb a.b", "a.b", "$1\\n"},
		{"aaaaa", "aa", "b"},
		{"ababab", "abab", ""},
		{"x", "x", ""},
		{"\xff\x00é\xff", "é", "e"},
		{"one\r\ntwo\r\n", "\r\n", "\n"},
		{pad(chunk-1) + "NEEDLE" + pad(chunk-8) + "NEEDLE", "NEEDLE", "pin"},
		{pad(chunk-6) + "NEEDLE" + "NEEDLE" + pad(3*chunk) + "NEEDLE", "NEEDLE", strings.Repeat("long", 100)},
		{strings.Repeat("ab", chunk), "b", ""},
		{strings.Repeat("a", chunk+1), strings.Repeat("a", 7), "x"},
		{"1" + strings.Repeat("x", 3*chunk) + "2" + strings.Repeat("x", 3*chunk), strings.Repeat("x", 3*chunk), "y"},
		{"same", "same", "same"},
	} {
		for shift := range 3 {
			content := pad(shift) + c.content
			must(t, os.WriteFile(path, []byte(content), 0o644))
			results, err := files.Replace(t.Context(), replacements(path, c.old, c.new))
			must(t, err)
			got, err := os.ReadFile(path)
			must(t, err)
			if want := strings.ReplaceAll(content, c.old, c.new); string(got) != want {
				t.Errorf("%.40q in %.40q: %d bytes, want %d: %.80q", c.old, content, len(got), len(want), got)
			}
			if n := results[path].ReplacedCount; len(results) != 1 || n != strings.Count(content, c.old) {
				t.Errorf("%.40q in %.40q: %v", c.old, content, results)
			}
		}
	}
}

func TestReplaceKeepsWhatTheFileHas(t *testing.T) {
	needRoot(t)
	dir := oddities(t)
	must(t, os.WriteFile(dir+"/other", []byte("nothing here"), 0o600))
	must(t, os.Chown(dir+"/file", 7, 8))
	must(t, syscall.Chmod(dir+"/file", 0o4711))
	attributes := unix.Setxattr(dir+"/file", "trusted.mark", []byte("kept"), 0) == nil
	var before, after syscall.Stat_t
	must(t, syscall.Stat(dir+"/other", &before))
	results, err := files.Replace(t.Context(), replacements(dir+"/link", "content", "text", dir+"/other", "absent", "x"))
	if err != nil || results[dir+"/link"].ReplacedCount != 1 || results[dir+"/other"].ReplacedCount != 0 || len(results) != 2 {
		t.Fatal(results, err)
	}
	if got, _ := os.ReadFile(dir + "/file"); string(got) != "text" {
		t.Errorf("%q", got)
	}
	if uid, gid, mode := owned(t, dir+"/file"); uid != 7 || gid != 8 || mode != 0o4711 {
		t.Errorf("%d:%d %o", uid, gid, mode)
	}
	value := make([]byte, 10)
	if n, err := unix.Getxattr(dir+"/file", "trusted.mark", value); attributes && (err != nil || string(value[:n]) != "kept") {
		t.Errorf("attribute %q %v", value, err)
	}
	must(t, syscall.Stat(dir+"/other", &after))
	if before.Ino != after.Ino || before.Mtim != after.Mtim || before.Ctim != after.Ctim {
		t.Error("a file without the text was touched")
	}
	if _, err := os.Readlink(dir + "/link"); err != nil {
		t.Error("the link became a file")
	}
	if left := tree(t, dir); slices.ContainsFunc(left, func(n string) bool { return strings.Contains(n, "execd") }) {
		t.Error(left)
	}
}

func TestReplaceInSeveralFailsAsAWhole(t *testing.T) {
	dir := oddities(t)
	must(t, os.WriteFile(dir+"/zz", []byte("content"), 0o600))
	type row struct {
		path string
		want fault.Kind
	}
	rows := []row{{dir + "/none", fault.Missing}, {dir + "/dangling", fault.Missing}, {dir + "/file/x", fault.Missing}, {dir, fault.Invalid}, {dir + "/dir", fault.Invalid},
		{dir + "/fifo", fault.Invalid}, {dir + "/socket", fault.Invalid}, {"/dev/zero", fault.Invalid}, {dir + "/loop", fault.Invalid}, {dir + "/file/", fault.Invalid},
		{dir + "/link", fault.Invalid}, {dir + "/../" + dir[strings.LastIndex(dir, "/")+1:] + "/file", fault.Invalid}, // the same file twice
		{"/proc/self/status", fault.Invalid}, {"/proc/self/mem", fault.Invalid}}
	for _, path := range badPaths(dir) {
		rows = append(rows, row{path, fault.Invalid})
	}
	for _, c := range rows {
		unchanged(t, dir, func() {
			results, err := files.Replace(t.Context(), replacements(dir+"/file", "content", "x", dir+"/zz", "content", "x", c.path, "e", "x"))
			if kindOf(err) != c.want || results != nil && err == nil {
				t.Errorf("%.80q: %v %v", c.path, results, err)
			}
		})
	}
	unchanged(t, dir, func() {
		if _, err := files.Replace(t.Context(), replacements(dir+"/file", "", "x")); kindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
}

func TestReplaceWhereNothingCanBeWritten(t *testing.T) {
	dir := oddities(t)
	mount(t, dir+"/m")
	must(t, os.WriteFile(dir+"/m/f", bytes.Repeat([]byte("content"), 90<<10), 0o600))
	for _, c := range []struct {
		want fault.Kind
		word string
	}{{fault.Full, "space"}, {fault.Invalid, "read-only"}} {
		unchanged(t, dir, func() {
			if _, err := files.Replace(t.Context(), replacements(dir+"/file", "content", "x", dir+"/m/f", "content", "content")); kindOf(err) != c.want || !strings.Contains(err.Error(), c.word) {
				t.Error(err)
			}
		})
		remountReadOnly(t, dir+"/m")
	}
}

func TestWhatWasPutInPlaceIsSetBackWhenTheRestCanNot(t *testing.T) {
	needRoot(t)
	dir := oddities(t)
	must(t, os.WriteFile(dir+"/zz", []byte("content"), 0o600))
	f, err := os.Open(dir + "/zz")
	must(t, err)
	defer f.Close()
	if err := setImmutable(f, true); err != nil {
		t.Skip("SKIPPED: this file system has no immutable files: ", err)
	}
	defer func() { _ = setImmutable(f, false) }()
	unchanged(t, dir, func() {
		if _, err := files.Replace(t.Context(), replacements(dir+"/file", "content", "x", dir+"/zz", "content", "x")); kindOf(err) != fault.Invalid {
			t.Error(err)
		}
		if err := files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta(dir+"/file", ``), "file", "x", "metadata", meta(dir+"/a/new", ``), "file", "x", "metadata", meta(dir+"/zz", ``), "file", "x"))); kindOf(err) != fault.Invalid {
			t.Error(err)
		}
		if err := files.Remove([]string{dir + "/file", dir + "/zz"}); kindOf(err) != fault.Invalid {
			t.Error(err)
		}
		if err := files.Move(t.Context(), moves(dir, "file", "a", "zz", "b")); kindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
}

func setImmutable(f *os.File, on bool) error {
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	if flags &^= immutable; on {
		flags |= immutable
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

func TestReplaceInAFileThatIsAMount(t *testing.T) {
	needRoot(t)
	dir := oddities(t)
	must(t, os.WriteFile(dir+"/over", nil, 0o600))
	if err := syscall.Mount(dir+"/file", dir+"/over", "", syscall.MS_BIND, ""); err != nil {
		t.Skip("SKIPPED: no file can be bound here: ", err)
	}
	defer func() { _ = syscall.Unmount(dir+"/over", 0) }()
	must(t, os.WriteFile(dir+"/other", []byte("content"), 0o644))
	if _, err := files.Replace(t.Context(), replacements(dir+"/over", "content", "new", dir+"/other", "content", "new")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "other"} {
		if got, _ := os.ReadFile(dir + "/" + name); string(got) != "new" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, _, mode := owned(t, dir+"/file"); mode != 0o4640 {
		t.Errorf("mode %o", mode)
	}
}

func TestReplaceHoldsNoFileInMemory(t *testing.T) {
	path := t.TempDir() + "/big"
	f, err := os.Create(path)
	must(t, err)
	line := strings.Repeat("some text and a needle in it\n", 1000)
	for range 4000 {
		_, err := io.WriteString(f, line)
		must(t, err)
	}
	must(t, f.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	results, err := files.Replace(t.Context(), replacements(path, "needle", "pin"))
	runtime.ReadMemStats(&after)
	if err != nil || results[path].ReplacedCount != 4000000 {
		t.Error(results, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes allocated", grown)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != int64(4000*(len(line)-3000)) {
		t.Error(info.Size(), err)
	}
}

func FuzzReplace(f *testing.F) {
	f.Add([]byte("hello world"), "o", "0", uint16(3))
	f.Add([]byte("aaaa"), "aa", "", uint16(60000))
	path := f.TempDir() + "/f"
	f.Fuzz(func(t *testing.T, data []byte, old, with string, times uint16) {
		if old == "" || len(data)*int(times) > 2<<20 {
			t.Skip()
		}
		data = bytes.Repeat(data, int(times))
		must(t, os.WriteFile(path, data, 0o600))
		results, err := files.Replace(t.Context(), replacements(path, old, with))
		must(t, err)
		got, err := os.ReadFile(path)
		must(t, err)
		if want := bytes.ReplaceAll(data, []byte(old), []byte(with)); !bytes.Equal(got, want) || results[path].ReplacedCount != bytes.Count(data, []byte(old)) {
			t.Errorf("%q by %q: %v", old, with, results)
		}
	})
}
