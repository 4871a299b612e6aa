package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

func (g *Group) makeV2(limits Limits) error {
	h := g.tree.hierarchies[0]
	has := func(controller string) bool { return slices.Contains(h.controllers, controller) }
	if has(CPU) && limits.NanoCPUs > 0 {
		if err := write(g.in(h), "cpu.max", fmt.Sprintf("%d %d", cpuQuota(limits.NanoCPUs), cpuPeriod)); err != nil {
			return err
		}
	}
	if has(Memory) && limits.MemoryBytes > 0 {
		if err := write(g.in(h), "memory.max", strconv.FormatInt(limits.MemoryBytes, 10)); err != nil {
			return err
		}
		// Else the sandbox gets any amount of swap. Not every kernel counts it.
		if err := write(g.in(h), "memory.swap.max", "0"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if has(Pids) && limits.Pids > 0 {
		return write(g.in(h), "pids.max", strconv.FormatInt(limits.Pids, 10))
	}
	return nil
}

// pollSlice bounds how long setV2 does not look at its context, in milliseconds; the kernel wakes it when it is done.
const pollSlice = 50

func setV2(ctx context.Context, dir string, frozen bool) error {
	value, want := "0", 0
	if frozen {
		value, want = "1", 1
	}
	events, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	if err := write(dir, "cgroup.freeze", value); err != nil {
		return err
	}
	b := make([]byte, 4096)
	for {
		n, err := events.ReadAt(b, 0) // this is also what arms the next poll
		if err != nil && err != io.EOF {
			return err
		}
		got, err := counter(b[:n], "frozen")
		if err != nil {
			return err
		}
		if got == want {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it did not take hold: %w", ctx.Err())
		}
		fds := []unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}
		if _, err := unix.Poll(fds, pollSlice); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
