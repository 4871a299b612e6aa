package files_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func permission(mode int, owner, group string) execdapi.Permission {
	p := execdapi.Permission{Mode: execdapi.NewOptFileMode(execdapi.FileMode(mode))}
	if owner != "-" {
		p.Owner = execdapi.NewOptNilString(owner)
	}
	if group == "null" {
		p.Group.SetToNull()
	} else if group != "-" {
		p.Group = execdapi.NewOptNilString(group)
	}
	return p
}

func owned(t *testing.T, path string) (uid, gid, mode int) {
	t.Helper()
	var st syscall.Stat_t
	must(t, syscall.Stat(path, &st))
	return int(st.Uid), int(st.Gid), int(st.Mode & 0o7777)
}

func TestPermissionsSetWhatTheyName(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name           string
		given          execdapi.Permission
		uid, gid, mode int
	}{
		{"nothing", execdapi.Permission{}, 7, 8, 0o4751},
		{"nothing in words", permission(0, "", "null"), 7, 8, 0o4751},
		{"mode", permission(640, "-", "-"), 7, 8, 0o640},
		{"setuid, setgid and sticky", permission(7755, "-", "-"), 7, 8, 0o7755},
		{"owner", permission(0, "daemon", "-"), 1, 8, 0o4751}, // the mode is left as it is
		{"group", permission(0, "-", "bin"), 7, 2, 0o4751},
		{"all", permission(6711, "daemon", "bin"), 1, 2, 0o6711},
		{"all without setuid", permission(700, "daemon", "bin"), 1, 2, 0o700},
		{"one bit", permission(1, "-", "-"), 7, 8, 0o1},
	} {
		for _, by := range []string{"file", "dir", "link"} {
			t.Run(c.name+" of "+by, func(t *testing.T) {
				dir := oddities(t)
				target := dir + "/" + map[string]string{"file": "file", "dir": "dir", "link": "file"}[by]
				must(t, os.Chown(target, 7, 8))
				must(t, syscall.Chmod(target, 0o4751))
				must(t, files.SetPermissions(map[string]execdapi.Permission{dir + "/" + by: c.given}))
				if uid, gid, mode := owned(t, target); uid != c.uid || gid != c.gid || mode != c.mode {
					t.Errorf("%d:%d %o", uid, gid, mode)
				}
			})
		}
	}
}

func TestPermissionsOfSeveralFailAsAWhole(t *testing.T) {
	dir := oddities(t)
	ok := permission(600, "-", "-")
	type row struct {
		path  string
		given execdapi.Permission
		want  fault.Kind
	}
	rows := []row{
		{dir + "/zz", ok, fault.Missing},
		{dir + "/dangling", ok, fault.Missing},
		{dir + "/file/", ok, fault.Missing},
		{dir + "/fifo", permission(0, "no-such-user", "-"), fault.Invalid},
		{dir + "/fifo", permission(0, "-", "no-such-group"), fault.Invalid},
		{dir + "/fifo", permission(0, "12345", "-"), fault.Invalid}, // a name and no number
		{dir + "/fifo", permission(8, "-", "-"), fault.Invalid},
		{dir + "/fifo", permission(779, "-", "-"), fault.Invalid},
		{dir + "/fifo", permission(-644, "-", "-"), fault.Invalid},
		{dir + "/fifo", permission(17777, "-", "-"), fault.Invalid},
		{"/proc/self/comm", ok, fault.Invalid}, // found out when it is set
	}
	for _, path := range badPaths(dir) {
		rows = append(rows, row{path, ok, fault.Invalid})
	}
	for _, c := range rows {
		unchanged(t, dir, func() {
			err := files.SetPermissions(map[string]execdapi.Permission{dir + "/dir": permission(700, "root", "-"), dir + "/file": ok, c.path: c.given})
			if kindOf(err) != c.want {
				t.Errorf("%.80q: %v", c.path, err)
			}
		})
	}
}

func TestPermissionsAreSetBackWhenOneCanNotBeSet(t *testing.T) {
	needRoot(t)
	dir := oddities(t)
	mount(t, dir+"/m")
	must(t, os.WriteFile(dir+"/m/f", nil, 0o644))
	must(t, os.Chown(dir+"/file", 7, 8))
	must(t, syscall.Chmod(dir+"/file", 0o6755))
	remountReadOnly(t, dir+"/m")
	unchanged(t, dir, func() {
		err := files.SetPermissions(map[string]execdapi.Permission{
			dir + "/dir": permission(1777, "daemon", "bin"), dir + "/file": permission(600, "daemon", "bin"), dir + "/link": permission(640, "bin", "-"), dir + "/m/f": permission(600, "-", "-")})
		if kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "read-only") {
			t.Error(err)
		}
	})
}

// FuzzModes holds ParseMode to the plain meaning: every digit is octal, and there are at most four.
func FuzzModes(f *testing.F) {
	for _, seed := range []int{0, 7, 8, 755, 4755, 7777, 8888, 10000, -1, 1 << 62} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, digits int) {
		text := strconv.Itoa(digits)
		good := digits >= 0 && len(text) <= 4 && !strings.ContainsAny(text, "89")
		bits, err := files.ParseMode(digits)
		if (err == nil) != good || err != nil && kindOf(err) != fault.Invalid {
			t.Errorf("%d: %o, %v", digits, bits, err)
		}
		if err == nil && files.ModeDigits(bits) != digits {
			t.Errorf("%d there and back: %d", digits, files.ModeDigits(bits))
		}
	})
}
