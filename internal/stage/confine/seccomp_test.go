package confine_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

type attempt struct {
	name string
	try  func() error
	want error // nil: it may be done
}

// attempts are system calls with arguments that do nothing where they are let through.
var attempts = []attempt{
	{"keyctl", call(unix.SYS_KEYCTL), unix.EPERM},
	{"add_key", call(unix.SYS_ADD_KEY), unix.EPERM},
	{"request_key", call(unix.SYS_REQUEST_KEY), unix.EPERM},
	{"bpf", call(unix.SYS_BPF), unix.EPERM},
	{"perf_event_open", call(unix.SYS_PERF_EVENT_OPEN), unix.EPERM},
	{"io_uring_setup", call(unix.SYS_IO_URING_SETUP), unix.EPERM},
	{"io_uring_enter", call(unix.SYS_IO_URING_ENTER), unix.EPERM},
	{"io_uring_register", call(unix.SYS_IO_URING_REGISTER), unix.EPERM},
	{"userfaultfd", call(unix.SYS_USERFAULTFD), unix.EPERM},
	{"mount", call(unix.SYS_MOUNT), unix.EPERM},
	{"umount2", call(unix.SYS_UMOUNT2), unix.EPERM},
	{"pivot_root", call(unix.SYS_PIVOT_ROOT), unix.EPERM},
	{"move_mount", call(unix.SYS_MOVE_MOUNT), unix.EPERM},
	{"open_tree", call(unix.SYS_OPEN_TREE), unix.EPERM},
	{"open_tree_attr", call(unix.SYS_OPEN_TREE_ATTR), unix.EPERM},
	{"mount_setattr", call(unix.SYS_MOUNT_SETATTR), unix.EPERM},
	{"fsopen", call(unix.SYS_FSOPEN), unix.EPERM},
	{"fsconfig", call(unix.SYS_FSCONFIG), unix.EPERM},
	{"fsmount", call(unix.SYS_FSMOUNT), unix.EPERM},
	{"fspick", call(unix.SYS_FSPICK), unix.EPERM},
	{"chroot", call(unix.SYS_CHROOT), unix.EPERM},
	{"setns", call(unix.SYS_SETNS), unix.EPERM},
	{"open_by_handle_at", call(unix.SYS_OPEN_BY_HANDLE_AT), unix.EPERM},
	{"kexec_load", call(unix.SYS_KEXEC_LOAD), unix.EPERM},
	{"init_module", call(unix.SYS_INIT_MODULE), unix.EPERM},
	{"finit_module", call(unix.SYS_FINIT_MODULE), unix.EPERM},
	{"delete_module", call(unix.SYS_DELETE_MODULE), unix.EPERM},
	{"reboot", call(unix.SYS_REBOOT), unix.EPERM},
	{"swapon", call(unix.SYS_SWAPON), unix.EPERM},
	{"swapoff", call(unix.SYS_SWAPOFF), unix.EPERM},
	{"quotactl", call(unix.SYS_QUOTACTL), unix.EPERM},
	{"syslog", call(unix.SYS_SYSLOG), unix.EPERM},
	{"settimeofday", call(unix.SYS_SETTIMEOFDAY), unix.EPERM},
	{"clock_settime", call(unix.SYS_CLOCK_SETTIME), unix.EPERM},
	{"fanotify_init", call(unix.SYS_FANOTIFY_INIT), unix.EPERM},
	{"clone3", call(unix.SYS_CLONE3), unix.ENOSYS},

	{"unshare of a user namespace", unshare(unix.CLONE_NEWUSER), unix.EPERM},
	{"unshare of mounts", unshare(unix.CLONE_NEWNS), unix.EPERM},
	{"unshare of mounts and files", unshare(unix.CLONE_NEWNS | unix.CLONE_FILES), unix.EPERM},
	{"unshare of the network", unshare(unix.CLONE_NEWNET), unix.EPERM},
	{"unshare of processes", unshare(unix.CLONE_NEWPID), unix.EPERM},
	{"unshare of IPC", unshare(unix.CLONE_NEWIPC), unix.EPERM},
	{"unshare of names", unshare(unix.CLONE_NEWUTS), unix.EPERM},
	{"unshare of control groups", unshare(unix.CLONE_NEWCGROUP), unix.EPERM},
	{"unshare of time", unshare(unix.CLONE_NEWTIME), unix.EPERM},
	{"unshare of nothing", unshare(0), nil},
	{"unshare of the working directory", unshare(unix.CLONE_FS), nil},

	{"a process in a user namespace", start(unix.CLONE_NEWUSER), unix.EPERM},
	{"a process in a mount namespace", start(unix.CLONE_NEWNS), unix.EPERM},
	{"a process in a PID namespace", start(unix.CLONE_NEWPID), unix.EPERM},
	{"a process", start(0), nil},

	{"a socket to the machine around this one", socket(unix.AF_VSOCK), unix.EAFNOSUPPORT},
	{"the same with bits that the kernel does not look at", socket(unix.AF_VSOCK | 1<<40), unix.EAFNOSUPPORT},
	{"a socket of the kernel's cryptography", socket(unix.AF_ALG), unix.EAFNOSUPPORT},
	{"a Unix socket", socket(unix.AF_UNIX), nil},
	{"a TCP socket", socket(unix.AF_INET), nil},

	{"a call by the entry of 32-bit programs", compat, unix.ENOSYS},
}

func call(number uintptr) func() error {
	const no = ^uintptr(0)
	return func() error {
		if _, _, e := unix.RawSyscall6(number, no, no, no, no, no, no); e != 0 {
			return e
		}
		return nil
	}
}

func unshare(flags int) func() error { return func() error { return unix.Unshare(flags) } }

func start(flags uintptr) func() error {
	return func() error {
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		return cmd.Run()
	}
}

func socket(family uint64) func() error {
	return func() error {
		fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM, 0)
		if e != 0 {
			return e
		}
		return unix.Close(int(fd))
	}
}

// compat asks for the process's id as a 32-bit program does.
func compat() error {
	if runtime.GOARCH != "amd64" {
		return unix.ENOSYS
	}
	code, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	copy(code, []byte{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3}) // mov $20, %eax; int $0x80; ret
	entry := unsafe.Pointer(&code[0])
	value := unsafe.Pointer(&entry)
	if got := (*(*func() int32)(unsafe.Pointer(&value)))(); got < 0 {
		return unix.Errno(-got)
	}
	return nil
}

// more are tried under a filter that refuses all that it can.
var more = []attempt{
	{"limits of another process", func() error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_CORE, nil, new(unix.Rlimit)) }, unix.EPERM},
	{"own limits", func() error { return unix.Prlimit(0, unix.RLIMIT_CORE, nil, new(unix.Rlimit)) }, nil},
	{"priority of another process", func() error { return unix.Setpriority(unix.PRIO_PROCESS, os.Getppid(), 10) }, unix.EPERM},
	{"priority of all", func() error { return unix.Setpriority(unix.PRIO_USER, 0, 10) }, unix.EPERM},
	{"own priority", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 10) }, nil},
	{"cores of another process", func() error { return unix.SchedSetaffinity(os.Getppid(), &unix.CPUSet{1}) }, unix.EPERM},
	{"own cores", func() error { return unix.SchedSetaffinity(0, &unix.CPUSet{1}) }, nil},
	{"a Unix socket", socket(unix.AF_UNIX), unix.EAFNOSUPPORT},
	{"a pair of sockets", func() error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return errors.Join(unix.Close(fds[0]), unix.Close(fds[1]))
	}, nil},
	{"a TCP socket", socket(unix.AF_INET), nil},
	{"the mounts", call(unix.SYS_MOUNT), unix.EPERM},
}

// tryCalls runs under the filter.
func tryCalls(attempts []attempt) {
	for _, a := range attempts {
		if err := a.try(); !errors.Is(err, a.want) {
			fmt.Printf("%s: %v, want %v\n", a.name, err, a.want)
		}
	}
	fmt.Println("tried", os.Getuid())
}

func TestTheFilterHolds(t *testing.T) {
	users := []uint32{0}
	if os.Getuid() == 0 { // with capabilities nothing but the filter refuses; without, it can be loaded all the same
		users = append(users, 65534)
	}
	for _, user := range users {
		for _, part := range []string{"calls", "more calls"} {
			out, err := again(t, part, user)
			if err != nil || !strings.HasPrefix(out, "tried ") {
				t.Errorf("%s as user %d: %v\n%s", part, user, err, out)
			}
		}
	}
}
