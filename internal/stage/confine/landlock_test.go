package confine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
)

// place is a state directory with the directories of two sandboxes, in a directory that has other entries as well.
type place struct {
	state, own, other, program string
	view                       confine.View
	user                       uint32 // who runs it: as root, someone else, as root is let off some of it
}

const nobody = 65534

// target is another process of that user.
func (p place) target(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"SECRET=secret"}
	if p.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.user, Gid: p.user}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// open is a directory that every user may reach.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir := open(t)
	p := place{state: filepath.Join(dir, "state"), program: filepath.Join(dir, "state", "bin", "program")}
	p.own, p.other = filepath.Join(p.state, "own"), filepath.Join(p.state, "other")
	for path, content := range map[string]string{
		filepath.Join(p.own, "file"): "mine", filepath.Join(p.other, "file"): "secret", filepath.Join(p.state, "keys"): "secret",
		filepath.Join(dir, "beside"): "public", filepath.Join(dir, "folder", "beside"): "public", p.program: "#!/bin/sh\necho run\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{filepath.Join(dir, "link"): p.state, filepath.Join(dir, "folder", "link"): p.other} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		p.user = nobody
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p.view = confine.View{Write: []string{p.own}, Hide: []string{p.state}, Run: []string{p.program}}
	return p
}

func TestAViewHolds(t *testing.T) {
	gaps, err := confine.LandlockGaps()
	if errors.Is(err, confine.ErrNoLandlock) {
		t.Skip("SKIPPED: ", err)
	}
	t.Log("not held back: ", gaps)
	for _, c := range []struct {
		name, script string
		may          bool
	}{
		{"read the own", `cat $OWN/file`, true},
		{"write the own", `echo x >$OWN/new && mkdir -p $OWN/a/b && mv $OWN/new $OWN/a/b/new && rm -r $OWN/a`, true},
		{"link within the own", `mkdir $OWN/a && ln $OWN/file $OWN/a/link && ln -s / $OWN/root`, true},
		{"truncate the own", `: >$OWN/file`, true},
		{"run in the own", `cp /bin/true $OWN/true && $OWN/true`, true},
		{"read beside", `cat $DIR/beside $DIR/folder/beside && ls $DIR/folder`, true},
		{"read the machine", `cat /etc/passwd && ls /usr`, true},
		{"run what may be run", `$PROGRAM`, true},
		{"write to nothing", `echo x >/dev/null && head -c 1 /dev/urandom`, true},
		{"make a terminal", `python3 -c 'import pty; pty.openpty()'`, false},
		{"read a device", `: </dev/pts/ptmx`, false},
		{"list devices", `ls /dev`, false},
		{"see itself", `cat /proc/self/status`, true},
		{"read the state", `cat $STATE/keys`, false},
		{"list the state", `ls $STATE`, false},
		{"list above the state", `ls $DIR`, false},
		{"read another's", `cat $OTHER/file`, false},
		{"read another's by a link", `cat $DIR/folder/link/file`, false},
		{"read the state by a link", `cat $DIR/link/keys`, false},
		{"read another's by a link of its own", `ln -s $OTHER $OWN/link; cat $OWN/link/file`, false},
		{"link another's", `ln $OTHER/file $OWN/stolen && cat $OWN/stolen`, false},
		{"write another's", `echo x >$OTHER/file`, false},
		{"write beside", `echo x >$DIR/beside`, false},
		{"make beside", `echo x >$DIR/new`, false},
		{"remove beside", `rm -f $DIR/beside`, false},
		{"write what may be run", `echo x >>$PROGRAM`, false},
		{"write to the machine", `echo x >/tmp/confine-test`, false},
		{"read by another's root", `cat /proc/$TARGET/root$STATE/keys`, false},
		{"see another's environment", `cat /proc/$TARGET/environ | grep .`, false},
		{"signal another", `kill -CONT $TARGET`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasPrefix(c.name, "signal") && strings.Contains(strings.Join(gaps, ""), "signals") {
				t.Skip("SKIPPED: this kernel does not hold signals back")
			}
			p := newPlace(t)
			view, err := json.Marshal(p.view)
			if err != nil {
				t.Fatal(err)
			}
			env := fmt.Sprintf("TARGET=%d OWN=%s OTHER=%s STATE=%s DIR=%s PROGRAM=%s; ", p.target(t), p.own, p.other, p.state, filepath.Dir(p.state), p.program)
			out, err := again(t, "view", p.user, string(view), env+c.script)
			if strings.Contains(out, "CANNOT") {
				t.Fatal(out)
			}
			if may := err == nil; may != c.may {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestWithNothingHiddenAllButDevicesIsReadable(t *testing.T) {
	if _, err := confine.LandlockGaps(); err != nil {
		t.Skip("SKIPPED: ", err)
	}
	dir := t.TempDir()
	view, err := json.Marshal(confine.View{Write: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := again(t, "view", 0, string(view), "ls /usr /tmp && echo x >"+dir+"/x && ! echo x >/tmp/confine-test"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
