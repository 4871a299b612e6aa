package cgroup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// trees runs a test on each version of control groups that can be used here.
func trees(t *testing.T, test func(t *testing.T, tree *cgroup.Tree)) {
	for _, fstype := range []string{"cgroup", "cgroup2"} {
		t.Run(fstype, func(t *testing.T) {
			tree, err := cgroup.DetectOnly(fstype)
			if err != nil {
				t.Skip("SKIPPED: ", err)
			}
			test(t, tree)
		})
	}
}

var made atomic.Int32

func create(t *testing.T, tree *cgroup.Tree, limits cgroup.Limits) (*cgroup.Group, string) {
	t.Helper()
	id := fmt.Sprintf("test-%d-%d", os.Getpid(), made.Add(1))
	g, err := tree.Create(id, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(g.Kill(), g.Remove(ctx)); err != nil {
			t.Error(err)
		}
		for _, m := range g.Mounts() {
			if _, err := os.Stat(m.Source); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", m.Source, err)
			}
		}
	})
	return g, id
}

// start runs a shell script in a group; it begins when it is in there.
func start(t *testing.T, g *cgroup.Group, script string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", "read go; "+script)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Add(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(stdin); err != nil {
		t.Error(err)
	}
	return cmd, &out
}

func lacks(t *testing.T, tree *cgroup.Tree, controller string) {
	t.Helper()
	if slices.Contains(tree.Lacks(), controller) {
		t.Skip("SKIPPED: the controller ", controller, " is not to be had")
	}
}

func TestMemoryThatIsTooMuchKillsAndIsCounted(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.Memory)
		g, _ := create(t, tree, cgroup.Limits{MemoryBytes: 16 << 20})
		cmd, _ := start(t, g, "head -c 64M /dev/zero | tail -c 64M >/dev/null")
		if err := cmd.Wait(); err == nil {
			t.Error("nothing was killed")
		}
		if n, err := g.OOMKills(); err != nil || n != 1 {
			t.Errorf("%d were killed, %v", n, err)
		}
	})
}

func TestProcessesAreBounded(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.Pids)
		g, _ := create(t, tree, cgroup.Limits{Pids: 4})
		cmd, out := start(t, g, "for i in 1 2 3 4 5 6; do sleep 60 >/dev/null 2>&1 & done; wait")
		if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "fork") {
			t.Errorf("ended with %v: %s", err, out)
		}
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
	})
}

func TestCPUIsShared(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.CPU)
		g, _ := create(t, tree, cgroup.Limits{NanoCPUs: 250_000_000})
		begin := time.Now()
		cmd, _ := start(t, g, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if took := time.Since(begin); took < 2*used && used > 100*time.Millisecond {
			t.Errorf("used %v of %v", used, took)
		}
	})
}

// storm starts processes without end, each of which leaves its parent's session and group.
const storm = `while :; do setsid sh -c 'sleep 0.01 & exit' & sleep 0.005; done`

func TestAStormOfProcessesIsStoppedWhereItStands(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.Freezer)
		g, id := create(t, tree, cgroup.Limits{})
		file := filepath.Join(t.TempDir(), "beats")
		cmd, _ := start(t, g, `while :; do echo >>`+file+`; setsid sh -c 'sleep 0.01 & exit' & sleep 0.002; done`)
		size := func() int64 {
			info, err := os.Stat(file)
			if err != nil {
				return 0
			}
			return info.Size()
		}
		leaktest.Eventually(t, "it beats", func() bool { return size() > 0 })
		if err := g.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		still := size()
		if err := g.Freeze(t.Context()); err != nil { // again changes nothing
			t.Error(err)
		}
		if size() != still {
			t.Error("frozen, it goes on")
		}
		if err := tree.Open(id).Thaw(t.Context()); err != nil { // by a server that was started again
			t.Fatal(err)
		}
		leaktest.Eventually(t, "it beats on", func() bool { return size() > still })
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
}

func TestWhatIsFrozenCanBeKilled(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		g, id := create(t, tree, cgroup.Limits{})
		cmd, _ := start(t, g, storm)
		if !slices.Contains(tree.Lacks(), cgroup.Freezer) {
			if err := g.Freeze(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		again := tree.Open(id)
		if err := errors.Join(again.Kill(), again.Remove(t.Context())); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("ended with %v", err)
		}
		if err := errors.Join(again.Kill(), again.Remove(t.Context())); err != nil {
			t.Errorf("once it is gone: %v", err)
		}
	})
}

func TestFreezeGivesUpWithItsContext(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.Freezer)
		g, _ := create(t, tree, cgroup.Limits{})
		cmd, _ := start(t, g, "sleep 60")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Freeze(ctx); err != nil && !errors.Is(err, context.Canceled) { // it may be quicker
			t.Error(err)
		}
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
}

func TestTheServerIsNotKilledWithItsSandbox(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		g, _ := create(t, tree, cgroup.Limits{})
		fd, ok := g.FD()
		if !ok {
			t.Skip("SKIPPED: no clone into a group on v1")
		}
		cmd := exec.Command("sleep", "60")
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestAnIDThatIsNoNameIsRefused(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		for _, id := range []string{"", "../x", "a/b", ".", strings.Repeat("a", 300)} {
			if _, err := tree.Create(id, cgroup.Limits{}); err == nil {
				t.Errorf("made %q", id)
			}
		}
	})
}

func TestWhatCannotBeMadeWholeIsRemoved(t *testing.T) {
	trees(t, func(t *testing.T, tree *cgroup.Tree) {
		lacks(t, tree, cgroup.Pids)
		id := fmt.Sprintf("test-%d-half", os.Getpid())
		if _, err := tree.Create(id, cgroup.Limits{Pids: 1 << 40}); err == nil {
			t.Error("made with a limit that the kernel does not take")
		}
		for _, m := range tree.Open(id).Mounts() {
			if _, err := os.Stat(m.Source); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left", m.Source)
			}
		}
	})
}
