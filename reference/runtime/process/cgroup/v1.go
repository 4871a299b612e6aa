package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cpuPeriod   = 100_000 // microseconds
	minCPUQuota = 1_000   // the kernel refuses less
)

// v1Controllers are those of v1 that a sandbox gets a group of.
var v1Controllers = []string{CPU, "cpuacct", "cpuset", Memory, Pids, Freezer}

func (g *Group) makeV1(limits Limits) error {
	if h, ok := g.tree.find("cpuset"); ok { // no process may enter before these are set
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			b, err := os.ReadFile(filepath.Join(h.parent, file))
			if err == nil {
				err = write(g.in(h), file, string(bytes.TrimSpace(b)))
			}
			if err != nil {
				return err
			}
		}
	}
	if h, ok := g.tree.find(CPU); ok && limits.NanoCPUs > 0 {
		if err := write(g.in(h), "cpu.cfs_period_us", strconv.Itoa(cpuPeriod)); err != nil {
			return err
		}
		if err := write(g.in(h), "cpu.cfs_quota_us", strconv.FormatInt(cpuQuota(limits.NanoCPUs), 10)); err != nil {
			return err
		}
	}
	if h, ok := g.tree.find(Memory); ok && limits.MemoryBytes > 0 {
		bytes := strconv.FormatInt(limits.MemoryBytes, 10)
		if err := write(g.in(h), "memory.limit_in_bytes", bytes); err != nil {
			return err
		}
		// Memory and swap together: else the sandbox gets as much again of swap. Not every kernel counts it.
		if err := write(g.in(h), "memory.memsw.limit_in_bytes", bytes); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	if h, ok := g.tree.find(Pids); ok && limits.Pids > 0 {
		return write(g.in(h), "pids.max", strconv.FormatInt(limits.Pids, 10))
	}
	return nil
}

// cpuQuota is how many microseconds of each period a group may run.
func cpuQuota(nanoCPUs int64) int64 { return max(nanoCPUs/(1_000_000_000/cpuPeriod), minCPUQuota) }

// setV1 freezes or thaws. The kernel tells nobody when it is done, and a process that was being started may be missed at
// first, so the state is written again until it is reached.
func setV1(ctx context.Context, dir string, frozen bool) error {
	want := "THAWED"
	if frozen {
		want = "FROZEN"
	}
	wait, since := patience{}, time.Time{}
	for {
		if time.Since(since) > 20*time.Millisecond {
			if err := write(dir, "freezer.state", want); err != nil {
				return err
			}
			since = time.Now()
		}
		state, err := os.ReadFile(filepath.Join(dir, "freezer.state"))
		if err != nil {
			return err
		}
		if string(bytes.TrimSpace(state)) == want {
			return nil
		}
		if !wait.more(ctx) {
			return fmt.Errorf("its state stays %s: %w", bytes.TrimSpace(state), ctx.Err())
		}
	}
}
