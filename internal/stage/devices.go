package stage

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Sizes of what is in memory and counts as the sandbox's.
const (
	devSize = 64 << 10
	shmSize = 64 << 20
)

// dev makes a /dev with what every program expects, and no device of the host.
func (v *view) dev(target int, at string) error {
	if err := v.tmpfs(onto(target), devSize, 0o755, unix.MS_NOSUID|unix.MS_NOEXEC); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		node, err := v.file(at + "/" + name)
		if err != nil {
			return err
		}
		err = v.attach(unix.AT_FDCWD, "/dev/"+name, 0, node, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, false)
		unix.Close(node)
		if err != nil {
			return err
		}
	}
	for name, to := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := v.link(Mount{At: at + "/" + name, From: to}); err != nil {
			return err
		}
	}
	shm, err := v.directory(at+"/shm", true)
	if err != nil {
		return err
	}
	defer unix.Close(shm)
	if err := v.tmpfs(onto(shm), shmSize, 0o1777, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC); err != nil {
		return err
	}
	pts, err := v.directory(at+"/pts", true)
	if err != nil {
		return err
	}
	defer unix.Close(pts)
	options := "newinstance,ptmxmode=0666,mode=0620"
	if v.shift != nil {
		options += fmt.Sprintf(",gid=%d", v.shift.Base+5) // tty, as glibc expects
	}
	if err := unix.Mount("devpts", onto(pts), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, options); err != nil {
		return fmt.Errorf("devpts: %w", err)
	}
	return nil
}
