package family_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/family"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) {
	if os.Getenv("FAMILY_TOP") != "" { // takes orphans on and reaps them, as the first process of a sandbox does
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
		cmd := exec.Command("sh", "-c", os.Getenv("FAMILY_TOP"))
		cmd.Env = append(os.Environ(), "FAMILY_TOP=")
		if err := cmd.Start(); err != nil {
			os.Exit(1)
		}
		for {
			if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && err != unix.EINTR {
				os.Exit(0)
			}
		}
	}
	leaktest.Main(m)
}

// storm starts processes without end, which leave their parents and sessions.
const storm = `cd "$0"; while :; do echo >>beats; setsid sh -c 'sleep 0.01 & sh -c "sleep 0.5 &" & exit' & sleep 0.01; done`

// top starts a script below a process of its own, and gives that one and a variable that all of its processes have.
func top(t *testing.T, script string) (pid int, variable string) {
	t.Helper()
	variable = fmt.Sprintf("FAMILY_MARK=%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"))
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), variable, "FAMILY_TOP="+script)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := family.Kill(context.Background(), family.Marked(variable)); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
	return cmd.Process.Pid, variable
}

func beats(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

func TestAStormIsStoppedAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "beats")
	pid, _ := top(t, strings.ReplaceAll(storm, "$0", dir))
	leaktest.Eventually(t, "it beats", func() bool { return beats(file) > 20 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 5 {
		if err := family.Stop(ctx, family.Below(pid)); err != nil {
			t.Fatal(err)
		}
		still := beats(file)
		found, _, err := family.Below(pid)()
		if err != nil || len(found) < 2 {
			t.Errorf("found %v, %v", found, err)
		}
		for _, p := range found {
			if p.State != 'T' && p.State != 'Z' && p.State != 'X' {
				t.Errorf("process %d is %c", p.PID, p.State)
			}
		}
		if now := beats(file); now != still {
			t.Errorf("stopped, it beats on: %d, then %d", still, now)
		}
		if err := family.Continue(ctx, family.Below(pid)); err != nil {
			t.Fatal(err)
		}
		leaktest.Eventually(t, "it beats on", func() bool { return beats(file) > still })
	}
}

func TestNothingOfAStormOutlivesKill(t *testing.T) {
	dir := t.TempDir()
	pid, variable := top(t, strings.ReplaceAll(storm, "$0", dir))
	leaktest.Eventually(t, "it beats", func() bool { return beats(filepath.Join(dir, "beats")) > 20 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := family.Kill(ctx, family.Below(pid)); err != nil {
		t.Fatal(err)
	}
	found, _, err := family.Marked(variable)()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		if p.PID != pid {
			t.Errorf("process %d is left", p.PID)
		}
	}
}

func TestAUsersProcessesAreFound(t *testing.T) {
	pid, _ := top(t, "sleep 60")
	found, _, err := family.OfUser(os.Getuid())()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		if p.PID == pid {
			return
		}
		if p.PID == os.Getpid() {
			t.Error("found itself")
		}
	}
	t.Errorf("process %d is not among %d", pid, len(found))
}

func TestProcessesAreFoundByTheirArguments(t *testing.T) {
	top(t, "exec sleep 59.75 1.25")
	for args, want := range map[string]int{"59.75 1.25": 1, "59.75": 1, "1.25 59.75": 0, "9.75": 0} {
		count := func() int {
			found, _, err := family.Arguments(strings.Fields(args)...)()
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		leaktest.Eventually(t, args, func() bool { return count() == want })
	}
}

func TestWhatIsNotBelowIsLeftAlone(t *testing.T) {
	pid, _ := top(t, "sleep 60")
	other, _ := top(t, "sleep 61")
	leaktest.Eventually(t, "it has a child", func() bool { found, _, err := family.Below(pid)(); return err == nil && len(found) > 0 })
	if err := family.Kill(t.Context(), family.Below(pid)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(other, 0); err != nil {
		t.Error(err)
	}
	leaktest.Eventually(t, "it has a child", func() bool { found, _, err := family.Below(other)(); return err == nil && len(found) > 0 })
	if b, err := os.ReadFile("/proc/" + strconv.Itoa(other) + "/stat"); err != nil || strings.Contains(string(b), ") T ") {
		t.Errorf("%s %v", b, err)
	}
}
