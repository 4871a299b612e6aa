package files_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oddities is a directory with one of each thing that is no ordinary file.
func oddities(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600))
	must(os.Chmod(filepath.Join(dir, "file"), 0o640|os.ModeSetuid))
	must(os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	must(os.Symlink("file", filepath.Join(dir, "link")))
	must(os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(os.Symlink("loop", filepath.Join(dir, "loop")))
	must(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	must(err)
	t.Cleanup(func() { l.Close() })
	return dir
}

// kindOf is the kind of a fault, 0 for anything else.
func kindOf(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) && f.Message != "" {
		return f.Kind
	}
	return 0
}

func TestInfoOfEveryType(t *testing.T) {
	dir := oddities(t)
	for name, want := range map[string]execdapi.FileInfo{
		"file":     {Size: 7, Mode: 4640, Type: execdapi.NewOptFileInfoType("file")},
		"dir":      {Mode: 755, Type: execdapi.NewOptFileInfoType("directory")},
		"link":     {Size: 4, Mode: 777, Type: execdapi.NewOptFileInfoType("symlink")},
		"dangling": {Size: 7, Mode: 777, Type: execdapi.NewOptFileInfoType("symlink")},
		"loop":     {Size: 4, Mode: 777, Type: execdapi.NewOptFileInfoType("symlink")},
		"fifo":     {Mode: 600, Type: execdapi.NewOptFileInfoType("other")},
		"socket":   {Mode: 755, Type: execdapi.NewOptFileInfoType("other")},
	} {
		t.Run(name, func(t *testing.T) {
			path := dir + "/./" + name // answered under the path as it was asked for
			infos, err := files.Info([]string{path})
			if err != nil || len(infos) != 1 {
				t.Fatal(infos, err)
			}
			got := infos[path]
			if got.Path != path || got.Mode != want.Mode || got.Type != want.Type || name != "dir" && got.Size != want.Size {
				t.Errorf("%+v, want %+v", got, want)
			}
			if age := time.Since(got.ModifiedAt); age < 0 || age > time.Minute || got.CreatedAt.After(got.ModifiedAt.Add(time.Minute)) || got.CreatedAt.Year() < 2020 {
				t.Errorf("modified %s, created %s", got.ModifiedAt, got.CreatedAt)
			}
			if os.Geteuid() == 0 && (got.Owner != "root" || got.Group != "root") {
				t.Errorf("owner %s, group %s", got.Owner, got.Group)
			}
		})
	}
}

func TestInfoFails(t *testing.T) {
	dir := oddities(t)
	for _, c := range []struct {
		path string
		want fault.Kind
	}{
		{dir + "/none", fault.Missing},
		{dir + "/file/none", fault.Missing},
		{dir + "/loop/none", fault.Invalid},
		{dir + "/" + strings.Repeat("n", 300), fault.Invalid},
		{"/" + strings.Repeat("n/", 3000), fault.Invalid},
		{"", fault.Invalid},
		{"a\x00b", fault.Invalid},
	} {
		if infos, err := files.Info([]string{dir, c.path}); kindOf(err) != c.want || infos != nil {
			t.Errorf("%.80q: %v, want kind %d", c.path, err, c.want)
		}
	}
}

func TestModesAreOctalDigitsBothWays(t *testing.T) {
	for digits, bits := range map[int]uint32{755: 0o755, 4755: 0o4755, 7777: 0o7777, 1: 1, 7: 7, 10: 0o10, 600: 0o600} {
		if got, err := files.ParseMode(digits); got != bits || err != nil {
			t.Errorf("%d read as %o, %v", digits, got, err)
		}
		if got := files.ModeDigits(bits); got != digits {
			t.Errorf("%o written as %d", bits, got)
		}
	}
	for _, digits := range []int{8, 789, 758, 10000, 77777, -755, 1 << 40} {
		if got, err := files.ParseMode(digits); kindOf(err) != fault.Invalid {
			t.Errorf("%d read as %o, %v", digits, got, err)
		}
	}
}
