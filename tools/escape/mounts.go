package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func ofMounts() []attempt {
	mount := func(source, kind string, flags uintptr, data string) func() error {
		return func() error {
			dir, err := os.MkdirTemp(".", "escape")
			if err != nil {
				return err
			}
			defer os.Remove(dir)
			if err := unix.Mount(source, dir, kind, flags, data); err != nil {
				return err
			}
			return unix.Unmount(dir, unix.MNT_DETACH)
		}
	}
	remount := func(path string) error { return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, "") }
	return []attempt{
		{"mount a tmpfs", mount("none", "tmpfs", 0, "")},
		{"mount proc", mount("none", "proc", 0, "")},
		{"mount sysfs", mount("none", "sysfs", 0, "")},
		{"mount devtmpfs", mount("none", "devtmpfs", 0, "")},
		{"mount control groups", func() error {
			return oneOf(mount("none", "cgroup2", 0, ""), mount("none", "cgroup", 0, "memory"), mount("none", "cgroup", 0, "none,name=escape"))
		}},
		{"mount an overlay", mount("none", "overlay", 0, "lowerdir=/:/etc")},
		{"bind a directory", mount("/", "", unix.MS_BIND|unix.MS_REC, "")},
		{"make what is read-only writable", func() error {
			return each([]string{"/proc/sys", "/proc/sysrq-trigger", "/sys", "/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/opt/opensandbox/execd"}, remount)
		}},
		{"take a mask off", func() error {
			return each([]string{"/proc/kcore", "/proc/keys", "/proc/kallsyms", "/sys/firmware", "/proc/sys", "/proc", "/tmp", "/run"}, func(path string) error {
				return unix.Unmount(path, unix.MNT_DETACH)
			})
		}},
		{"take a copy of the mounts", func() error {
			fd, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE)
			if err != nil {
				return err
			}
			return unix.Close(fd)
		}},
		{"make a file system by the new calls", func() error {
			fd, err := unix.Fsopen("tmpfs", 0)
			if err != nil {
				return err
			}
			return unix.Close(fd)
		}},
		{"change a mount by the new call", func() error {
			return unix.MountSetattr(unix.AT_FDCWD, "/proc/sys", 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		}},
		{"pivot_root", func() error { return unix.PivotRoot("/", "/") }},
		{"chroot", func() error { return unix.Chroot(".") }},
		{"move a mount", func() error {
			empty := [1]byte{}
			_, _, e := unix.RawSyscall6(unix.SYS_MOVE_MOUNT, 0, uintptr(unsafe.Pointer(&empty[0])), 0, uintptr(unsafe.Pointer(&empty[0])), unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH, 0) //nolint:gosec // an empty path
			if e == unix.EINVAL {                                                                                                                                                                        // let through, with arguments that mean nothing
				return nil
			}
			if e != 0 {
				return e
			}
			return nil
		}},
	}
}
