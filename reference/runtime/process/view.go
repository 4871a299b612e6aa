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
func (r *Runtime) view(b *box, user bool) ([]stage.Mount, error) {
	hidden := slices.Concat(engines, []string{r.cfg.State}, elsewhere(), r.cfg.Hide)
	root := rootOverlays
	if user {
		root = userRoot
	}
	mounts, err := root(hidden)
	if err != nil {
		return nil, err
	}
	mounts = append(mounts,
		stage.Mount{Kind: stage.Tmpfs, At: "/run", Size: runSize},
		stage.Mount{Kind: stage.Dir, At: "/run/lock"},
	)
	mounts = place(mounts, fresh())
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
		{Kind: stage.Bind, At: stage.ExecdInside, From: r.cfg.Execd},
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

// rootOverlays are one overlay on "/", which shows the mounts of other disks as
// empty directories, and one on each of these.
func rootOverlays(hidden []string) ([]stage.Mount, error) {
	covered := slices.Concat(own, hidden)
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
	return append([]stage.Mount{{Kind: stage.Overlay, At: "/", From: "/"}}, mounts...), nil
}

func within(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") })
}

// fresh are the directories that are a sandbox's own from the beginning, on
// disk, as what is in memory counts as the sandbox's.
func fresh() []stage.Directory {
	const sticky = unix.S_ISVTX | 0o777
	return append([]stage.Directory{
		{At: "/tmp", Mode: sticky},
		{At: "/var/tmp", Mode: sticky},
		{At: stage.DirInside, Mode: 0o755},
		{At: stage.SaidInside, Mode: 0o755},
		{At: "/root", Mode: 0o700},
		{At: "/home", Mode: 0o755},
	}, homes()...)
}

// homes are empty directories for the accounts whose homes lie in /home.
func homes() []stage.Directory {
	var dirs []stage.Directory
	entries, err := os.ReadDir("/home")
	if err != nil {
		return nil // there is none, or none that can be read
	}
	for _, e := range entries[:min(len(entries), 64)] {
		info, err := e.Info()
		if err != nil || !info.IsDir() {
			continue
		}
		if is, ok := info.Sys().(*syscall.Stat_t); ok {
			dirs = append(dirs, stage.Directory{At: filepath.Join("/home", e.Name()), UID: int(is.Uid), GID: int(is.Gid), Mode: 0o700})
		}
	}
	return dirs
}

// elsewhere are home directories that lie in none of those.
func elsewhere() []string {
	var dirs []string
	for _, home := range []string{os.Getenv("HOME"), "/root", "/home"} {
		real, err := filepath.EvalSymlinks(home)
		if err == nil && real != "/" && filepath.IsAbs(real) && !within(real, own) {
			dirs = append(dirs, real)
		}
	}
	return dirs
}

// place puts new directories into the overlays that they lie in.
func place(mounts []stage.Mount, dirs []stage.Directory) []stage.Mount {
	for _, d := range dirs {
		deepest := -1
		for i, m := range mounts {
			if m.Kind == stage.Overlay && within(d.At, []string{m.At}) && (deepest < 0 || len(m.At) > len(mounts[deepest].At)) {
				deepest = i
			}
		}
		if deepest >= 0 {
			mounts[deepest].New = append(mounts[deepest].New, d)
			continue
		}
		from := strings.ReplaceAll(strings.TrimPrefix(d.At, "/"), "/", "-")
		if d.At == stage.SaidInside {
			from = stage.DirSaid
		}
		mounts = append(mounts, stage.Mount{Kind: stage.Fresh, At: d.At, From: from, UID: d.UID, GID: d.GID, Mode: d.Mode})
	}
	return mounts
}
