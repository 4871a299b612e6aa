package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoFreezer says that processes can't be stopped by their group here; SIGSTOP is left.
var ErrNoFreezer = errors.New("there is no cgroup freezer that this server may use")

// killRounds is how often Kill looks for processes that were started meanwhile where it can't freeze them.
const killRounds = 200

// Freeze stops every process of the group where it stands, and returns once all are. When ctx ends before, they go on.
func (g *Group) Freeze(ctx context.Context) error {
	err := g.set(ctx, true)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNoFreezer) && g.exists() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = errors.Join(err, g.set(limited, false))
	}
	return fmt.Errorf("freeze a control group: %w", err)
}

// Thaw lets the processes of a group go on, and returns once all do.
func (g *Group) Thaw(ctx context.Context) error {
	if err := g.set(ctx, false); err != nil {
		return fmt.Errorf("thaw a control group: %w", err)
	}
	return nil
}

func (g *Group) set(ctx context.Context, frozen bool) error {
	h, ok := g.tree.find(Freezer)
	if !ok {
		return ErrNoFreezer
	}
	if g.tree.unified {
		return setV2(ctx, g.in(h), frozen)
	}
	return setV1(ctx, g.in(h), frozen)
}

// Kill kills every process in the group, frozen or not. It does not wait for their end. A group that is not there has
// none.
func (g *Group) Kill() error {
	h, ok := g.tree.find(Freezer)
	if !ok {
		h = g.tree.hierarchies[0]
	}
	dir := g.in(h)
	if g.tree.unified {
		err := write(dir, "cgroup.kill", "1")
		if err == nil {
			return nil
		}
		if _, serr := os.Stat(filepath.Join(dir, "cgroup.procs")); errors.Is(serr, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) { // a kernel before 5.14 has no such file
			return fmt.Errorf("kill a control group: %w", err)
		}
	}
	if !g.exists() {
		return nil
	}
	if !ok {
		return killAll(dir)
	}
	// Frozen, nothing is started meanwhile; and killed, v1 lets nothing end before it is thawed.
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	frozen := g.set(limited, true)
	err := killAll(dir)
	if terr := g.set(limited, false); terr != nil && !errors.Is(terr, context.DeadlineExceeded) { // dying ones may keep it THAWING
		err = errors.Join(err, fmt.Errorf("thaw a control group: %w", terr))
	}
	if frozen != nil && err == nil {
		err = killAll(dir)
	}
	return err
}

// killAll kills what is in a group until a round finds nothing new.
func killAll(dir string) error {
	killed := map[int]bool{}
	for range killRounds {
		pids, err := processes(dir)
		if err != nil {
			return err
		}
		fresh := false
		for _, pid := range pids {
			if pid == os.Getpid() {
				return fmt.Errorf("kill the control group %s: the server itself is in it", dir)
			}
			if killed[pid] {
				continue
			}
			killed[pid], fresh = true, true
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		if !fresh {
			return nil
		}
	}
	return fmt.Errorf("kill the control group %s: processes are started faster than they can be killed", dir)
}

// processes lists who is in a group. Who is in no namespace of ours shows as 0, and is left out.
func processes(dir string) ([]int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) { // removed, also while it was read
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.FieldsSeq(string(b)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func (g *Group) exists() bool {
	for _, h := range g.tree.hierarchies {
		if _, err := os.Stat(g.in(h)); err == nil {
			return true
		}
	}
	return false
}

// OOMKills says how many processes of the group were killed as it used all the memory that it may; 0 where memory is not
// limited by groups.
func (g *Group) OOMKills() (int, error) {
	h, ok := g.tree.find(Memory)
	if !ok {
		return 0, nil
	}
	file := "memory.oom_control"
	if g.tree.unified {
		file = "memory.events"
	}
	b, err := os.ReadFile(filepath.Join(g.in(h), file))
	if err != nil {
		return 0, fmt.Errorf("count what was killed for want of memory: %w", err)
	}
	n, err := counter(b, "oom_kill")
	if err != nil {
		return 0, fmt.Errorf("count what was killed for want of memory: %s: %w", file, err)
	}
	return n, nil
}

// counter finds the value of a key where each line is "key value".
func counter(b []byte, key string) (int, error) {
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key+" "); ok {
			return strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return 0, fmt.Errorf("there is no %s", key)
}
