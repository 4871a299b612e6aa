package stage

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// view is the tree of files that is being made, at "root" in the sandbox's
// directory.
type view struct {
	shift  *Shift
	root   int // descriptor of its "/"
	layers int
}

const rootDir = "view" // no name that a fresh directory has

// makeView makes all mounts. After it the working directory is still the
// sandbox's own on the host.
func makeView(c *Config) (*view, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make the mounts private: %w", err)
	}
	v := &view{shift: c.Shift, root: -1}
	if err := os.MkdirAll(rootDir, 0o755); err != nil {
		return nil, err
	}
	for _, m := range c.Mounts {
		if err := v.add(m); err != nil && (!m.Optional || !missing(err)) {
			return nil, fmt.Errorf("%s at %s: %w", m.Kind, m.At, err)
		}
	}
	return v, nil
}

func missing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

func (v *view) add(m Mount) error {
	if m.Mode == 0 {
		m.Mode = 0o755
	}
	if m.At == "/" {
		return v.addRoot(m)
	}
	switch m.Kind {
	case Hide:
		return v.hide(m)
	case Link:
		return v.link(m)
	case Bind, Show:
		return v.bind(m)
	}
	target, err := v.directory(m.At, !m.Optional)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	switch m.Kind {
	case Overlay:
		if err := v.overlay(m, onto(target)); err == nil {
			return nil
		}
		// Not every file system can lie below an overlay: this one can be read.
		return v.attach(unix.AT_FDCWD, m.From, 0, target, readable, v.shift != nil)
	case Fresh:
		return v.fresh(m, target)
	case Tmpfs:
		return v.tmpfs(onto(target), m.Size, m.Mode, unix.MS_NOSUID|unix.MS_NODEV)
	case Proc:
		return v.proc(target, m.At)
	case Sys:
		return v.sys(target, m.At)
	case Dev:
		return v.dev(target, m.At)
	case Dir:
		return v.owned(m)
	}
	return errors.New("no such kind of mount")
}

// addRoot makes the mount that all others lie in.
func (v *view) addRoot(m Mount) (err error) {
	switch m.Kind {
	case Overlay:
		err = v.overlay(m, rootDir)
	case Tmpfs:
		err = v.tmpfs(rootDir, m.Size, m.Mode, unix.MS_NODEV)
	default:
		err = errors.New(`"/" must be an overlay or a tmpfs`)
	}
	if err != nil {
		return err
	}
	v.root, err = unix.Open(rootDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return err
}

// onto names an open directory or file for mount(2).
func onto(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// open finds a path in the view. A link in it never leads out of the view,
// whatever it says.
func (v *view) open(at string) (int, error) {
	return unix.Openat2(v.root, strings.TrimPrefix(at, "/"), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// directory opens a directory in the view, made where it is not there.
func (v *view) directory(at string, make bool) (int, error) {
	if path.Clean(at) == "/" {
		return unix.Openat(v.root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	fd, err := v.open(at)
	if !errors.Is(err, unix.ENOENT) || !make {
		return fd, err
	}
	parent, err := v.directory(path.Dir(at), true)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	name := path.Base(at)
	if err := unix.Mkdirat(parent, name, 0o755); err != nil {
		return -1, err
	}
	if err := v.give(parent, name); err != nil {
		return -1, err
	}
	return v.open(at)
}

// file opens a file in the view, made where it is not there.
func (v *view) file(at string) (int, error) {
	fd, err := v.open(at)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	parent, err := v.directory(path.Dir(at), true)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	made, err := unix.Openat(parent, path.Base(at), unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_WRONLY, 0o644)
	if err != nil {
		return -1, err
	}
	unix.Close(made)
	if err := v.give(parent, path.Base(at)); err != nil {
		return -1, err
	}
	return v.open(at)
}

// give makes the sandbox's root the owner of what was made for it.
func (v *view) give(dir int, name string) error {
	if v.shift == nil {
		return nil
	}
	return unix.Fchownat(dir, name, v.shift.Base, v.shift.Base, unix.AT_SYMLINK_NOFOLLOW)
}

func (v *view) link(m Mount) error {
	parent, err := v.directory(path.Dir(m.At), true)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	if err := unix.Symlinkat(m.From, parent, path.Base(m.At)); err != nil {
		return err
	}
	return v.give(parent, path.Base(m.At))
}

// hide covers what lies at a path.
func (v *view) hide(m Mount) error {
	target, err := v.open(m.At)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	var is unix.Stat_t
	if err := unix.Fstat(target, &is); err != nil {
		return err
	}
	if is.Mode&unix.S_IFMT == unix.S_IFDIR {
		return v.tmpfs(onto(target), 0, 0o555, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	}
	return v.attach(unix.AT_FDCWD, "/dev/null", 0, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, false)
}

func (v *view) tmpfs(target string, size int64, mode uint32, flags uintptr) error {
	options := fmt.Sprintf("mode=%o,size=%d", mode, max(size, 4096))
	if v.shift != nil {
		options += fmt.Sprintf(",uid=%d,gid=%d", v.shift.Base, v.shift.Base)
	}
	return unix.Mount("tmpfs", target, "tmpfs", flags, options)
}

// bind shows a file or directory of the host, which can only be read.
func (v *view) bind(m Mount) error {
	var is unix.Stat_t
	if err := unix.Stat(m.From, &is); err != nil {
		return err
	}
	var target int
	var err error
	if is.Mode&unix.S_IFMT == unix.S_IFDIR {
		target, err = v.directory(m.At, true)
	} else {
		target, err = v.file(m.At)
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return v.attach(unix.AT_FDCWD, m.From, 0, target, readable, v.shift != nil && m.Kind == Show)
}

// fresh makes a directory on disk that belongs to the sandbox.
func (v *view) fresh(m Mount, target int) error {
	if err := os.Mkdir(m.From, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if v.shift != nil {
		if err := v.chown(m.From, m.UID, m.GID); err != nil {
			return err
		}
	}
	if err := unix.Chmod(m.From, m.Mode); err != nil {
		return err
	}
	return v.attach(unix.AT_FDCWD, m.From, 0, target, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, false)
}

// owned gives a directory, which was made for it, its owner and mode.
func (v *view) owned(m Mount) error {
	parent, err := v.directory(path.Dir(m.At), true)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	uid, gid := m.UID, m.GID
	if v.shift != nil {
		uid, gid = uid+v.shift.Base, gid+v.shift.Base
	}
	if err := unix.Fchownat(parent, path.Base(m.At), uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil && err != unix.EPERM && err != unix.EINVAL {
		return err
	}
	return unix.Fchmodat(parent, path.Base(m.At), m.Mode, 0)
}

const readable = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// attach mounts a copy of what is at from onto an open file or directory.
func (v *view) attach(dir int, from string, flags uint, target int, attributes uint64, shifted bool) error {
	tree, err := unix.OpenTree(dir, from, flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_NO_AUTOMOUNT)
	if err != nil {
		return fmt.Errorf("take %s: %w", from, err)
	}
	defer unix.Close(tree)
	change := &unix.MountAttr{Attr_set: attributes}
	if shifted {
		change.Attr_set |= unix.MOUNT_ATTR_IDMAP
		change.Userns_fd = FDUserNS
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|flags&unix.AT_RECURSIVE, change); err != nil {
		return fmt.Errorf("restrict %s: %w", from, err)
	}
	if err := unix.MoveMount(tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", from, err)
	}
	return nil
}
