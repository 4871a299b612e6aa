// Package cgroup puts the processes of a sandbox into control groups of their own: so that limits hold for all of them
// together, and all can be stopped where they stand, killed and counted. It knows cgroup v1 and v2, as far as sandboxes
// need them, and nothing of sandboxes but their id.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Controllers, by the names that the kernel has for them. On v2 the freezer is no controller, and always there.
const (
	CPU     = "cpu"
	Memory  = "memory"
	Pids    = "pids"
	Freezer = "freezer"
)

// Limits is what all processes of a group may use together. Zero means no limit.
type Limits struct {
	NanoCPUs    int64 // billionths of a core
	MemoryBytes int64
	Pids        int64
}

// Tree is where groups are made.
type Tree struct {
	unified     bool        // v2
	hierarchies []hierarchy // v2 has one
}

// hierarchy is one that is mounted, with a directory of it where groups may be made.
type hierarchy struct {
	mountpoint  string
	parent      string
	controllers []string
}

// Lacks lists which of CPU, Memory, Pids and Freezer are not to be had here: such limits are not kept, and without the
// freezer Freeze and Thaw are ErrNoFreezer.
func (t *Tree) Lacks() []string {
	var lacks []string
	for _, c := range []string{CPU, Memory, Pids, Freezer} {
		if _, ok := t.find(c); !ok {
			lacks = append(lacks, c)
		}
	}
	return lacks
}

func (t *Tree) find(controller string) (hierarchy, bool) {
	if t.unified && controller == Freezer {
		return t.hierarchies[0], true
	}
	i := slices.IndexFunc(t.hierarchies, func(h hierarchy) bool { return slices.Contains(h.controllers, controller) })
	if i < 0 {
		return hierarchy{}, false
	}
	return t.hierarchies[i], true
}

// Group is the groups of one sandbox: one directory on v2, one in each hierarchy on v1.
type Group struct {
	tree *Tree
	name string
	dir  *os.File // v2, when it was made here: to clone into
}

const prefix = "opensandbox-"

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$`)

// Create makes the group of a sandbox, or takes the one that a server left which was killed, and sets its limits. The id
// must say which server it is of as well, so that two on one machine don't meet. What can't be made whole is removed.
func (t *Tree) Create(id string, limits Limits) (*Group, error) {
	if !idPattern.MatchString(id) {
		return nil, fmt.Errorf("make a control group: %q can't be its name", id)
	}
	g := t.Open(id)
	if err := g.make(limits); err != nil {
		g.close()
		for _, h := range t.hierarchies {
			_ = unix.Rmdir(g.in(h))
		}
		return nil, fmt.Errorf("make the control group of %s: %w", id, err)
	}
	return g, nil
}

// Open is the group of a sandbox that was made earlier, perhaps by a server that was killed. Whether there is one shows
// only when it is used; Kill and Remove are no error without.
func (t *Tree) Open(id string) *Group { return &Group{tree: t, name: prefix + id} }

func (g *Group) in(h hierarchy) string { return filepath.Join(h.parent, g.name) }

func (g *Group) make(limits Limits) error {
	for _, h := range g.tree.hierarchies {
		if err := os.Mkdir(g.in(h), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if !g.tree.unified {
		return g.makeV1(limits)
	}
	dir, err := os.Open(g.in(g.tree.hierarchies[0]))
	if err != nil {
		return err
	}
	g.dir = dir
	return g.makeV2(limits)
}

// Add moves a process into the group, and with it what it will start.
func (g *Group) Add(pid int) error {
	for _, h := range g.tree.hierarchies {
		if err := write(g.in(h), "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("put process %d into its control group: %w", pid, err)
		}
	}
	return nil
}

// FD is a descriptor of the group's directory, for clone into it (SysProcAttr.UseCgroupFD): v2 only, and only of a group
// that Create made. It stays open until Remove.
func (g *Group) FD() (int, bool) {
	if g.dir == nil {
		return 0, false
	}
	return int(g.dir.Fd()), true
}

func (g *Group) close() {
	if g.dir != nil {
		_ = g.dir.Close()
		g.dir = nil
	}
}

// Remove removes the group, whose processes must have been killed. It waits for the kernel to be done with them, until
// ctx ends. A group that is not there is no error.
func (g *Group) Remove(ctx context.Context) error {
	g.close()
	for _, h := range g.tree.hierarchies {
		wait := patience{}
		for {
			err := unix.Rmdir(g.in(h))
			if err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			if !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("remove the control group %s: %w", g.in(h), err)
			}
			if !wait.more(ctx) {
				return fmt.Errorf("remove the control group %s: processes are left in it: %w", g.in(h), ctx.Err())
			}
		}
	}
	return nil
}

// Mount is a directory of control groups as a sandbox is to see it.
type Mount struct {
	Source string // the directory of the group
	Target string // where it belongs inside
}

// Mounts lists what is to be bound read-only inside of the sandbox, so that programs see their limits. On v1 cpuacct and
// cpuset are among them, as Java takes the whole machine's memory for its own where one is missing.
func (g *Group) Mounts() []Mount {
	if g.tree.unified {
		return []Mount{{g.in(g.tree.hierarchies[0]), "/sys/fs/cgroup"}}
	}
	var mounts []Mount
	for _, h := range g.tree.hierarchies {
		if !slices.Equal(h.controllers, []string{Freezer}) {
			mounts = append(mounts, Mount{g.in(h), filepath.Join("/sys/fs/cgroup", filepath.Base(h.mountpoint))})
		}
	}
	return mounts
}

// patience waits a little longer each time, for what the kernel tells nobody.
type patience struct{ next time.Duration }

// more waits, and is false when ctx ended.
func (p *patience) more(ctx context.Context) bool {
	p.next = min(max(2*p.next, 100*time.Microsecond), 10*time.Millisecond)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(p.next):
		return true
	}
}

func write(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0) // os.WriteFile would make what is not there
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
