package files_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
)

const boundary = "b0undary"

const contentType = "multipart/form-data; boundary=" + boundary

// body writes parts, each "name" and content in turn.
func body(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(boundary)
	for i := 0; i < len(parts); i += 2 {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="any/name"`, parts[i])}, "Content-Transfer-Encoding": {"quoted-printable"}}
		p, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p, parts[i+1])
	}
	w.Close()
	return b.Bytes()
}

func meta(path, rest string) string { return fmt.Sprintf(`{"path":%q%s}`, path, rest) }

// tree lists everything below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestUploadsAreWrittenByteForByte(t *testing.T) {
	umask := syscall.Umask(0o027)
	defer syscall.Umask(umask)
	dir := oddities(t)
	content := "\x00\xff=3D\r\n--" + boundary + "x\r\n" + strings.Repeat("data", 300000)
	err := files.Upload(contentType, bytes.NewReader(body(t,
		"metadata", meta(dir+"/new", ``), "file", content,
		"metadata", meta(dir+"/a/b/ü b", `,"mode":4711,"owner":null,"group":"","unknown":[1]`), "file", "",
		"metadata", meta(dir+"/file", `,"mode":0`), "file", "shorter",
		"metadata", meta(dir+"/dangling", `,"mode":604`), "file", "through the link",
	)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		content string
		mode    int
	}{
		"new":      {content, 640},    // what the umask gives
		"a/b/ü b":  {"", 4711},        // parents are made
		"file":     {"shorter", 4640}, // keeps what it had
		"nowhere":  {"through the link", 604},
		"dangling": {"through the link", 777},
	} {
		path := filepath.Join(dir, name)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want.content {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if infos, err := files.Info([]string{path}); err != nil || int(infos[path].Mode) != want.mode {
			t.Errorf("%s: mode %d, %v", name, infos[path].Mode, err)
		}
	}
	if left := tree(t, dir); slices.ContainsFunc(left, func(n string) bool { return strings.Contains(n, "execd-upload") }) {
		t.Errorf("left over: %v", left)
	}
}

func TestUploadSetsOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: files can only be given away by root")
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(old, 7, 8); err != nil {
		t.Fatal(err)
	}
	err := files.Upload(contentType, bytes.NewReader(body(t,
		"metadata", meta(dir+"/p/q/new", `,"owner":"daemon","group":"bin","mode":6755`), "file", "x",
		"metadata", meta(old, ``), "file", "x",
	)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][3]int{"p": {1, 2, -1}, "p/q": {1, 2, -1}, "p/q/new": {1, 2, 0o6755}, "old": {7, 8, 0o640}} {
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(dir, name), &st); err != nil || int(st.Uid) != want[0] || int(st.Gid) != want[1] || want[2] >= 0 && int(st.Mode&0o7777) != want[2] {
			t.Errorf("%s: owner %d, group %d, mode %o, %v", name, st.Uid, st.Gid, st.Mode, err)
		}
	}
}

func TestAnUploadThatFailsChangesNothing(t *testing.T) {
	dir := oddities(t)
	good := []string{"metadata", meta(dir+"/x/y/first", ``), "file", "first", "metadata", meta(dir+"/file", ``), "file", "other"}
	whole := body(t, append(good, "metadata", meta(dir+"/x/z/second", ``), "file", strings.Repeat("second", 1000))...)
	type failure struct {
		contentType string
		body        []byte
	}
	cases := map[string]failure{
		"cut off in a file":          {contentType, whole[:len(whole)-3000]},
		"cut off before the end":     {contentType, whole[:len(whole)-4]},
		"cut off in a header":        {contentType, whole[:bytes.LastIndex(whole, []byte("Disposition"))]},
		"no parts":                   {contentType, body(t)},
		"nothing":                    {contentType, nil},
		"no multipart":               {contentType, []byte("hello")},
		"no boundary":                {"multipart/form-data", whole},
		"another boundary":           {"multipart/form-data; boundary=other", whole},
		"mixed":                      {"multipart/mixed; boundary=" + boundary, whole},
		"bad content type":           {"multipart/form-data; boundary", whole},
		"metadata alone":             {contentType, body(t, append(good, "metadata", meta(dir+"/second", ``))...)},
		"file first":                 {contentType, body(t, "file", "x", "metadata", meta(dir+"/second", ``))},
		"two files":                  {contentType, body(t, append(good, "file", "x")...)},
		"a part of another name":     {contentType, body(t, append(good, "other", "x")...)},
		"unknown owner":              {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"owner":"no-such-user"`), "file", "x")...)},
		"unknown group":              {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"group":"no-such-group"`), "file", "x")...)},
		"bad mode":                   {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"mode":888`), "file", "x")...)},
		"mode of a wrong type":       {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"mode":"755"`), "file", "x")...)},
		"mode with a fraction":       {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"mode":7.5`), "file", "x")...)},
		"no path":                    {contentType, body(t, append(good, "metadata", `{}`, "file", "x")...)},
		"NUL in the path":            {contentType, body(t, append(good, "metadata", `{"path":"/tmp/a\u0000b"}`, "file", "x")...)},
		"not JSON":                   {contentType, body(t, append(good, "metadata", `{path}`, "file", "x")...)},
		"text after JSON":            {contentType, body(t, append(good, "metadata", meta(dir+"/second", ``)+" x", "file", "x")...)},
		"a list":                     {contentType, body(t, append(good, "metadata", `[]`, "file", "x")...)},
		"null":                       {contentType, body(t, append(good, "metadata", `null`, "file", "x")...)},
		"not UTF-8":                  {contentType, body(t, append(good, "metadata", "{\"path\":\""+dir+"/\xff\"}", "file", "x")...)},
		"huge metadata":              {contentType, body(t, append(good, "metadata", meta(dir+"/second", `,"x":"`+strings.Repeat("x", 70000)+`"`), "file", "x")...)},
		"onto a directory":           {contentType, body(t, append(good, "metadata", meta(dir+"/dir", ``), "file", "x")...)},
		"a path with a slash behind": {contentType, body(t, append(good, "metadata", meta(dir+"/second/", ``), "file", "x")...)},
		"onto a FIFO":                {contentType, body(t, append(good, "metadata", meta(dir+"/fifo", ``), "file", "x")...)},
		"onto a device":              {contentType, body(t, append(good, "metadata", meta("/dev/null", ``), "file", "x")...)},
		"onto a loop":                {contentType, body(t, append(good, "metadata", meta(dir+"/loop", ``), "file", "x")...)},
		"below a file":               {contentType, body(t, append(good, "metadata", meta(dir+"/file/x/y", ``), "file", "x")...)},
		"in /proc":                   {contentType, body(t, append(good, "metadata", meta("/proc/none/x", ``), "file", "x")...)},
		"a name that is too long":    {contentType, body(t, append(good, "metadata", meta(dir+"/"+strings.Repeat("n", 300), ``), "file", "x")...)},
	}
	before := tree(t, dir)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := files.Upload(c.contentType, bytes.NewReader(c.body))
			if kindOf(err) != fault.Invalid {
				t.Errorf("%v", err)
			}
			if after := tree(t, dir); !slices.Equal(before, after) {
				t.Errorf("changed to %v", after)
			}
			if got, _ := os.ReadFile(dir + "/file"); string(got) != "content" {
				t.Errorf("a file became %q", got)
			}
		})
	}
}

func TestADiskThatIsFullLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a small file system can only be mounted by root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("SKIPPED: no tmpfs can be mounted here: ", err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	err := files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta(dir+"/a/small", ``), "file", "x", "metadata", meta(dir+"/a/big", ``), "file", strings.Repeat("x", 3<<20))))
	if kindOf(err) != fault.Full {
		t.Errorf("%v", err)
	}
	if left := tree(t, dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta(dir+"/x", ``), "file", "x"))); kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("read-only: %v", err)
	}
}

func TestAFileThatIsAMountIsOverwritten(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can mount")
	}
	dir := t.TempDir()
	for _, name := range []string{"under", "over"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old, and longer"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount(dir+"/under", dir+"/over", "", syscall.MS_BIND, ""); err != nil {
		t.Skip("SKIPPED: no file can be bound here: ", err)
	}
	defer func() { _ = syscall.Unmount(dir+"/over", 0) }()
	if err := files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta(dir+"/over", `,"mode":600`), "file", "new"))); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(dir + "/under"); err != nil || string(got) != "new" {
		t.Errorf("%q %v", got, err)
	}
	if left := tree(t, dir); len(left) != 3 {
		t.Errorf("left over: %v", left)
	}
}

// zeros is a long body without end in memory.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	frame := body(t, "metadata", meta(path, ``), "file", "CONTENT")
	head, tail, _ := bytes.Cut(frame, []byte("CONTENT"))
	const size = 128 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := files.Upload(contentType, io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, size), bytes.NewReader(tail))); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes allocated for %d", grown, size)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		t.Error(info, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzUploadPairs(f *testing.F) {
	dir := f.TempDir()
	plain := func(parts ...string) []byte {
		return bytes.ReplaceAll(body(f, parts...), []byte("any/name"), []byte("any"))
	}
	f.Add(plain("metadata", `{"path":"f"}`, "file", "x"))
	f.Add(plain("metadata", `{"path":"f","mode":755}`, "file", "x", "metadata", `{"path":"g"}`))
	f.Add([]byte("--" + boundary + "\r\n\r\n--" + boundary + "--"))
	f.Fuzz(func(t *testing.T, data []byte) {
		t.Chdir(dir)
		if bytes.Contains(data, []byte("/")) || bytes.Contains(data, []byte(`\`)) || bytes.Contains(data, []byte("..")) {
			t.Skip("stays in its own directory")
		}
		err := files.Upload(contentType, bytes.NewReader(data))
		if err != nil && kindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", data, err)
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".execd-upload-") || err != nil {
				t.Errorf("%q left %s, %v", data, e.Name(), err)
			}
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	})
}

// A child that another request starts holds what is open for writing until it becomes another program, which must not
// make a new file busy.
func TestAnUploadedProgramRunsAtOnce(t *testing.T) {
	dir := t.TempDir()
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command("true").Run()
				}
			}
		})
	}
	defer others.Wait()
	defer close(stop)
	for i := range 100 {
		path := fmt.Sprintf("%s/%d", dir, i)
		b := body(t, "metadata", meta(path, `,"mode":755`), "file", "#!/bin/sh\n")
		if err := files.Upload(contentType, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if err := exec.Command(path).Run(); err != nil {
			t.Fatal(err)
		}
	}
}
