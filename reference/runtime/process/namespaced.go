package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

// Ids inside are shifted to where no account, and no range of /etc/subuid or
// systemd, has any.
const (
	shiftBase = 0x70000000
	shiftSize = 1 << 16
)

// namespaced is the tiers whose sandboxes are in namespaces of their own:
// shifted, root and user.
type namespaced struct {
	r     *Runtime
	name  string
	shift *stage.Shift // ids inside are others outside
	user  bool         // in a user namespace of their own, made without privileges

	mu     sync.Mutex
	userNS *os.File // that maps shift
}

const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET

func (t *namespaced) Name() string { return t.name }

func (t *namespaced) Misses() []string {
	misses := []string{"sandboxes share this machine's kernel, and can read all of its files but home directories and those that are hidden"}
	if t.shift == nil && !t.user {
		misses = append(misses, "root in a sandbox is root outside: mounts and dropped capabilities alone keep it in")
	}
	if t.user {
		misses = append(misses, "a sandbox has one user, as this server has no privileges: chown to others, su and apt do not work in it")
	}
	return misses
}

func (t *namespaced) Unheld(limits runtime.Limits) []string { return t.r.unheld(limits) }

func (t *namespaced) Prepare(b *box, c *stage.Config, attr *syscall.SysProcAttr) ([]*os.File, error) {
	mounts, err := t.r.view(b, t.user)
	if err != nil {
		return nil, err
	}
	c.Mounts = mounts
	// Programs inside look for the daemon where it is in a container.
	c.Flags = append(c.Flags, "--also", "127.0.0.1:"+strconv.Itoa(daemonPort))
	t.r.proxied(c)
	attr.Cloneflags = namespaces
	if t.user {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	c.Rlimits = t.r.perProcess(b, t.user) // the kernel counts processes by user namespace
	if t.shift == nil {
		return nil, nil
	}
	c.Shift = t.shift
	ns, err := t.shifted()
	if err != nil {
		return nil, err
	}
	return []*os.File{ns}, nil
}

// shifted gives the user namespace by which ids are shifted, made once.
func (t *namespaced) shifted() (*os.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.userNS != nil {
		return t.userNS, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: t.shift.Base, Size: t.shift.Size}}
	pid, err := syscall.ForkExec(t.r.cfg.Execd, []string{"execd", "stage", "--hold"}, &syscall.ProcAttr{
		Files: []uintptr{r.Fd()},
		Sys:   &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, Setsid: true},
	})
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	t.userNS, err = os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
	w.Close() // it ends
	for {
		if _, werr := syscall.Wait4(pid, nil, 0, nil); werr != syscall.EINTR {
			break
		}
	}
	return t.userNS, err
}

func (t *namespaced) Pause(ctx context.Context, b *box) error {
	if b.group != nil {
		if err := b.group.Freeze(ctx); !errors.Is(err, cgroup.ErrNoFreezer) {
			return err
		}
	}
	return b.stopAll(ctx)
}

func (t *namespaced) Resume(ctx context.Context, b *box) error {
	if b.group != nil {
		if err := b.group.Thaw(ctx); !errors.Is(err, cgroup.ErrNoFreezer) {
			return err
		}
	}
	return b.order(ctx, stage.Go)
}

// Kill kills PID 1: the kernel kills the rest with it.
func (t *namespaced) Kill(ctx context.Context, b *box) error {
	if err := b.first.signal(unix.SIGKILL); err != nil {
		return fmt.Errorf("kill process %d: %w", b.first.pid, err)
	}
	if b.group == nil {
		return nil
	}
	// On v1 what is frozen dies when it is thawed.
	if err := b.group.Thaw(ctx); err != nil && !errors.Is(err, cgroup.ErrNoFreezer) && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (t *namespaced) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.userNS == nil {
		return nil
	}
	err := t.userNS.Close()
	t.userNS = nil
	return err
}
