package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// through tells whether a system call got further than to who may make it: its arguments mean nothing.
func through(number uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		_, _, e := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		switch e {
		case unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT, unix.ENODEV:
			return e
		}
		return nil
	}
}

const no = ^uintptr(0)

func ofKernel() []attempt {
	writes := func(paths ...string) func() error { return func() error { return each(paths, open(os.O_WRONLY)) } }
	return []attempt{
		{"set where cores go", writes("/proc/sys/kernel/core_pattern")},
		{"set what programs the kernel runs", writes("/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/sys/kernel/uevent_helper", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/kernel/usermodehelper/bset")},
		{"set what holds for the whole machine", writes("/proc/sys/kernel/sysrq", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/pid_max", "/proc/sys/kernel/randomize_va_space", "/proc/sys/fs/file-max", "/sys/power/state", "/sys/kernel/mm/ksm/run", "/sys/block/vda/queue/scheduler")},
		{"send the machine a sysrq", writes("/proc/sysrq-trigger")},
		{"read the kernel's memory", func() error {
			return oneOf(func() error { return read("/proc/kcore") }, func() error { return read("/dev/mem") })
		}},
		{"read the kernel's messages", func() error {
			return oneOf(func() error { return open(os.O_RDONLY)("/dev/kmsg") }, through(unix.SYS_SYSLOG, 3, no, no))
		}},
		{"set a release agent", func() error {
			agents, _ := filepath.Glob("/sys/fs/cgroup/*/release_agent") // a pattern that is right
			return each(append(agents, "/sys/fs/cgroup/release_agent"), open(os.O_WRONLY))
		}},
		{"raise its own limits", groups},
		{"keys: keyctl", through(unix.SYS_KEYCTL, no, no, no, no, no)},
		{"keys: add_key", through(unix.SYS_ADD_KEY, no, no, no, no, no)},
		{"keys: request_key", through(unix.SYS_REQUEST_KEY, no, no, no, no)},
		{"bpf", through(unix.SYS_BPF, no, no, no)},
		{"perf_event_open", through(unix.SYS_PERF_EVENT_OPEN, no, no, no, no, no)},
		{"io_uring", through(unix.SYS_IO_URING_SETUP, no, no)},
		{"userfaultfd", through(unix.SYS_USERFAULTFD, no)},
		{"load a module", through(unix.SYS_INIT_MODULE, no, no, no)},
		{"load a module from a file", through(unix.SYS_FINIT_MODULE, no, no, no)},
		{"load another kernel", through(unix.SYS_KEXEC_LOAD, no, no, no, no)},
		{"restart the machine", through(unix.SYS_REBOOT, no, no, no, no)},
		{"swap", func() error { return oneOf(through(unix.SYS_SWAPON, no, no), through(unix.SYS_SWAPOFF, no)) }},
		{"set the clock", through(unix.SYS_SETTIMEOFDAY, no, no)},
		{"watch a file system", through(unix.SYS_FANOTIFY_INIT, no, no)},
		{"get capabilities back", capabilities},
		{"run before all others", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -20) }},
		{"be the last to be killed for memory", func() error { return os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0) }},
		{"raise a hard limit", func() error {
			var is unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &is); err != nil {
				return err
			}
			if is.Max == unix.RLIM_INFINITY {
				return errNothing
			}
			is.Max++
			return unix.Setrlimit(unix.RLIMIT_NOFILE, &is)
		}},
	}
}

// groups looks for a control group's file that can be written to, or a group that a new one can be made in.
func groups() error {
	found := errNothing
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // closed
		}
		if e.IsDir() {
			dir := filepath.Join(path, "escape")
			// A plain tmpfs that groups are shown in is no group.
			if _, none := os.Stat(filepath.Join(path, "cgroup.procs")); none == nil && os.Mkdir(dir, 0o755) == nil {
				_ = os.Remove(dir)
				found = nil
				return fs.SkipAll
			}
			return nil
		}
		if open(os.O_WRONLY)(path) == nil {
			found = nil
			return fs.SkipAll
		}
		return nil
	})
	return errors.Join(found, err)
}

func capabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	const admin = 1 << unix.CAP_SYS_ADMIN
	if data[0].Effective&admin != 0 {
		return nil
	}
	data[0].Permitted |= admin
	data[0].Effective |= admin
	_, _, e := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0) //nolint:gosec // as x/sys does
	if e != 0 {
		return e
	}
	return nil
}
