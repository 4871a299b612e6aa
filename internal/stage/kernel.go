package stage

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// What of the kernel's own files is not for sandboxes, as in other runtimes:
// covered, or only to be read.
var (
	procHidden   = []string{"acpi", "asound", "interrupts", "kcore", "keys", "key-users", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats", "kallsyms", "kmsg", "vmallocinfo"}
	procReadOnly = []string{"bus", "driver", "fs", "irq", "sys", "sysrq-trigger"}
	sysHidden    = []string{"firmware", "kernel/debug", "kernel/security", "kernel/tracing", "devices/virtual/powercap", "fs/bpf", "fs/pstore"}
)

const private = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// proc mounts the /proc of the sandbox's own processes.
func (v *view) proc(target int, at string) error {
	if err := unix.Mount("proc", onto(target), "proc", private, ""); err != nil {
		return err
	}
	for _, name := range procReadOnly {
		fd, err := v.open(at + "/" + name)
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		err = v.attach(fd, "", unix.AT_EMPTY_PATH, fd, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, false)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return v.hideAll(at, procHidden)
}

// sys mounts a /sys that can only be read. Where that is refused, an empty
// directory must do.
func (v *view) sys(target int, at string) error {
	if err := unix.Mount("sysfs", onto(target), "sysfs", private|unix.MS_RDONLY, ""); err != nil {
		return v.tmpfs(onto(target), 0, 0o555, private)
	}
	return v.hideAll(at, sysHidden)
}

func (v *view) hideAll(at string, names []string) error {
	for _, name := range names {
		if err := v.hide(Mount{At: at + "/" + name}); err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return nil
}

// enter makes the view the root of this process, and the host's files
// unreachable.
func (v *view) enter() error {
	if err := unix.Fchdir(v.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root lies on the new one now
		return fmt.Errorf("make the view the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the host's files: %w", err)
	}
	unix.Close(v.root)
	return unix.Chdir("/")
}
