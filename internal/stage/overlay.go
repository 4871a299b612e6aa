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
	for _, d := range m.New {
		if err := v.renew(m, upper, d); err != nil {
			return fmt.Errorf("make %s anew: %w", d.At, err)
		}
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

// renew makes an empty directory in a layer, through which nothing of the
// host's directory shows.
func (v *view) renew(m Mount, upper string, d Directory) error {
	inside, err := filepath.Rel(m.At, d.At)
	if err != nil {
		return err
	}
	for at := range prefixes(filepath.Dir(inside)) { // those between show through
		if err := os.Mkdir(filepath.Join(upper, at), 0o755); errors.Is(err, os.ErrExist) {
			continue
		} else if err != nil {
			return err
		}
		err := v.like(filepath.Join(m.From, at), filepath.Join(upper, at))
		if errors.Is(err, os.ErrNotExist) { // the host has no such directory
			err = v.give(unix.AT_FDCWD, filepath.Join(upper, at))
		}
		if err != nil {
			return err
		}
	}
	path := filepath.Join(upper, inside)
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	name := "trusted.overlay.opaque"
	if m.User {
		name = "user.overlay.opaque"
	}
	if err := unix.Lsetxattr(path, name, []byte("y"), 0); err != nil {
		return err
	}
	if v.shift != nil || os.Geteuid() == 0 && !m.User {
		if err := v.chown(path, d.UID, d.GID); err != nil {
			return err
		}
	}
	if d.At == SaidInside {
		if err := os.Symlink(path, DirSaid); err != nil {
			return err
		}
	}
	return unix.Chmod(path, d.Mode)
}

func (v *view) chown(path string, uid, gid int) error {
	if v.shift != nil {
		uid, gid = uid+v.shift.Base, gid+v.shift.Base
	}
	return os.Lchown(path, uid, gid)
}

// prefixes gives a relative path's directories, from the top: a, a/b, a/b/c.
func prefixes(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if path == "." {
			return
		}
		for i := range len(path) {
			if path[i] == '/' && !yield(path[:i]) {
				return
			}
		}
		yield(path)
	}
}
