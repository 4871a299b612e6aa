package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// Sizes of what is in memory, and counts as the sandbox's.
const (
	runSize    = 64 << 20
	insideSize = 64 << 10
)

// disks are the file systems of the host that are shown.
var disks = []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "overlay"}

// own is what a sandbox has of its own, in place of the host's.
var own = []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/home", "/root", stage.DirInside}

// engines is where container engines keep what is not for sandboxes.
var engines = []string{
	"/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/lib/rancher", "/var/lib/lxc", "/var/lib/incus",
}

// view says what a sandbox sees of the host's files.
func (r *Runtime) view(b *box) ([]stage.Mount, error) {
	mounts := []stage.Mount{{Kind: stage.Overlay, At: "/", From: "/"}}
	hidden := slices.Concat(engines, []string{r.cfg.State}, r.cfg.Hide)
	more, err := submounts(slices.Concat(own, hidden))
	if err != nil {
		return nil, err
	}
	mounts = append(mounts, more...)
	mounts = append(mounts,
		stage.Mount{Kind: stage.Tmpfs, At: "/run", Size: runSize},
		stage.Mount{Kind: stage.Dir, At: "/run/lock"},
		stage.Mount{Kind: stage.Fresh, At: "/tmp", From: "tmp", Mode: unix.S_ISVTX | 0o777},
		stage.Mount{Kind: stage.Fresh, At: "/var/tmp", From: "var-tmp", Mode: unix.S_ISVTX | 0o777},
		stage.Mount{Kind: stage.Fresh, At: "/root", From: "home-root", Mode: 0o700},
		stage.Mount{Kind: stage.Fresh, At: "/home", From: "home"},
	)
	mounts = append(mounts, homes()...)
	for _, path := range r.cfg.Show {
		mounts = append(mounts, stage.Mount{Kind: stage.Show, At: path, From: path, Optional: true})
	}
	for _, path := range hidden {
		mounts = append(mounts, stage.Mount{Kind: stage.Hide, At: path})
	}
	mounts = append(mounts,
		stage.Mount{Kind: stage.Proc, At: "/proc"},
		stage.Mount{Kind: stage.Sys, At: "/sys"},
		stage.Mount{Kind: stage.Dev, At: "/dev"},
	)
	mounts = append(mounts, groups(b)...)
	return append(mounts, r.inside()...), nil
}

// inside is what execd needs in the sandbox.
func (r *Runtime) inside() []stage.Mount {
	return []stage.Mount{
		{Kind: stage.Tmpfs, At: stage.DirInside, Size: insideSize},
		{Kind: stage.Bind, At: stage.ExecdInside, From: r.cfg.Execd},
		{Kind: stage.Fresh, At: stage.SaidInside, From: stage.DirSaid},
	}
}

// groups shows the sandbox its own limits.
func groups(b *box) []stage.Mount {
	if b.group == nil {
		return nil
	}
	var mounts []stage.Mount
	for _, m := range b.group.Mounts() {
		if m.Target != "/sys/fs/cgroup" && len(mounts) == 0 {
			mounts = append(mounts, stage.Mount{Kind: stage.Tmpfs, At: "/sys/fs/cgroup", Size: insideSize})
		}
		mounts = append(mounts, stage.Mount{Kind: stage.Bind, At: m.Target, From: m.Source})
	}
	return mounts
}

// submounts are the host's other disks, which the overlay on "/" shows as empty
// directories.
func submounts(covered []string) ([]stage.Mount, error) {
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint == "/" || !slices.Contains(disks, m.FSType) || within(m.Mountpoint, covered), false
	})
	if err != nil {
		return nil, fmt.Errorf("look up the mounts of this machine: %w", err)
	}
	var mounts []stage.Mount
	seen := map[string]bool{}
	for _, m := range found {
		info, err := os.Stat(m.Mountpoint)
		if err != nil || seen[m.Mountpoint] {
			continue // covered by another one
		}
		seen[m.Mountpoint] = true
		kind := stage.Overlay
		if !info.IsDir() {
			kind = stage.Bind
		}
		mounts = append(mounts, stage.Mount{Kind: kind, At: m.Mountpoint, From: m.Mountpoint, Optional: true})
	}
	slices.SortFunc(mounts, func(a, b stage.Mount) int { return strings.Compare(a.At, b.At) }) // what holds others first
	return mounts, nil
}

func within(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") })
}

// homes are empty directories for the accounts whose homes lie in /home, and
// for others that this server knows of.
func homes() []stage.Mount {
	var mounts []stage.Mount
	entries, err := os.ReadDir("/home")
	if err != nil {
		entries = nil // there is none, or none that can be read
	}
	for _, e := range entries[:min(len(entries), 64)] {
		info, err := e.Info()
		if err != nil || !info.IsDir() {
			continue
		}
		m := stage.Mount{Kind: stage.Dir, At: filepath.Join("/home", e.Name())}
		if is, ok := statOf(info); ok {
			m.UID, m.GID, m.Mode = int(is.Uid), int(is.Gid), 0o700
		}
		mounts = append(mounts, m)
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) && home != "/" && !within(home, own) {
		mounts = append(mounts, stage.Mount{Kind: stage.Hide, At: home})
	}
	return mounts
}

func statOf(info os.FileInfo) (*syscall.Stat_t, bool) {
	is, ok := info.Sys().(*syscall.Stat_t)
	return is, ok
}
