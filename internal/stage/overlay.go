package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// overlay mounts a directory of the host with a layer of the sandbox's own
// above it, at target. The layer is named relative to the working directory,
// so that mountinfo inside shows no path of the host.
func (v *view) overlay(m Mount, target string) error {
	v.layers++
	layer := filepath.Join("layers", strconv.Itoa(v.layers))
	upper, work := layer+"/up", layer+"/work"
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := v.like(m.From, upper); err != nil {
		return err
	}
	for _, dir := range m.Own {
		if err := v.own(m.From, upper, dir); err != nil {
			return err
		}
	}
	lower := m.From
	if v.shift != nil {
		lower = layer + "/low"
		if err := v.shifted(m.From, lower); err != nil {
			return err
		}
	}
	options := "lowerdir=" + escape(lower) + ",upperdir=" + upper + ",workdir=" + work
	if m.User {
		options += ",userxattr"
	}
	if err := unix.Mount("overlay", target, "overlay", unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("overlay %s: %w", m.From, err)
	}
	return nil
}

// escape is for paths among the options of an overlay.
func escape(path string) string {
	var out []byte
	for _, c := range []byte(path) {
		if c == ':' || c == ',' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}

// like gives the top of a layer the owner and mode of what lies below it: they
// are what shows.
func (v *view) like(lower, upper string) error {
	var is unix.Stat_t
	if err := unix.Stat(lower, &is); err != nil {
		return err
	}
	if v.shift != nil {
		if err := os.Chown(upper, v.shift.Base+int(is.Uid), v.shift.Base+int(is.Gid)); err != nil {
			return err
		}
	} else if err := os.Chown(upper, int(is.Uid), int(is.Gid)); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return unix.Chmod(upper, is.Mode&0o7777)
}

// own makes a directory in the layer beforehand: it belongs to the sandbox's
// only user, who could not write to the host's.
func (v *view) own(lower, upper, dir string) error {
	info, err := os.Stat(filepath.Join(lower, dir))
	if err != nil || !info.IsDir() {
		return err
	}
	return os.MkdirAll(filepath.Join(upper, dir), info.Mode().Perm()|0o700)
}

// shifted mounts a directory of the host at dir with its ids shifted.
func (v *view) shifted(from, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("take %s: %w", from, err)
	}
	defer unix.Close(tree)
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: FDUserNS}); err != nil {
		return fmt.Errorf("shift the ids of %s: %w", from, err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", from, err)
	}
	return nil
}
