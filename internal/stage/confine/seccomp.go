// Package confine takes from a process what no sandbox needs, for good and for all that it will start: by a filter of
// system calls, and where there is no private view of the files by rules of which may be reached. It is called in the
// sandbox's own first process, before anything that is not trusted runs.
package confine

import (
	"errors"
	"fmt"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// denied are system calls that are answered with EPERM. Capabilities guard most of them already; those which an ordinary
// user may call are the ones that count: keyrings are shared by all of a user's processes, namespaces give capabilities
// back, and the rest has been the way out of sandboxes more than once.
var denied = []string{
	"keyctl", "add_key", "request_key", // keyrings are in no namespace
	"bpf", "perf_event_open", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd",
	"mount", "umount2", "pivot_root", "move_mount", "open_tree", "open_tree_attr", "mount_setattr",
	"fsopen", "fsconfig", "fsmount", "fspick", "chroot",
	"setns",
	"open_by_handle_at", // opens what lies outside of what is mounted
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
	"acct", "quotactl", "quotactl_fd", "syslog", "vhangup", "lookup_dcookie", "nfsservctl",
	"settimeofday", "clock_settime",
	"iopl", "ioperm", "uselib", "fanotify_init",
}

// namespaces are the flags of clone and unshare that make a namespace. In clone the bits of CLONE_NEWTIME belong to a
// signal's number.
var namespaces = []uint64{
	unix.CLONE_NEWNS, unix.CLONE_NEWCGROUP, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC,
	unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET,
}

// others are the arguments of system calls that name the calling process by one value, and others by any other.
var others = []struct {
	name     string
	argument uint32
	own      uint64
}{
	{"prlimit64", 0, 0},
	{"setpriority", 0, unix.PRIO_PROCESS},
	{"setpriority", 1, 0},
	{"ioprio_set", 0, 1}, // IOPRIO_WHO_PROCESS
	{"ioprio_set", 1, 0},
	{"sched_setaffinity", 0, 0},
	{"sched_setscheduler", 0, 0},
	{"sched_setparam", 0, 0},
	{"sched_setattr", 0, 0},
}

// families are kinds of sockets that no network namespace holds back (AF_VSOCK leads to the machine that this one is a
// guest of), or that reach deep into the kernel for nothing that a sandbox needs.
var families = []uint32{unix.AF_VSOCK, unix.AF_ALG, unix.AF_KEY}

// Refusal is what the filter refuses besides.
type Refusal int

const (
	// Others refuses to change limits and priorities of any process but the calling one. No Landlock holds that back, and a
	// sandbox in no PID namespace could do so to all processes of its user.
	Others Refusal = iota
	// UnixSockets refuses to make Unix sockets, connected pairs aside: Landlock before its version 9 lets a sandbox connect
	// to all that its user may connect to, as a session bus or an engine that start programs for it.
	UnixSockets
)

// Seccomp loads the filter into all threads of this process. It holds over exec. Where this process may not do so as it
// is, it gives up what set-user-id programs would give it first (PR_SET_NO_NEW_PRIVS): without CAP_SYS_ADMIN in its user
// namespace there is no other way.
func Seccomp(more ...Refusal) error {
	program, err := filter(more)
	if err != nil {
		return fmt.Errorf("make the filter of system calls: %w", err)
	}
	err = load(program)
	if errors.Is(err, unix.EACCES) {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set no_new_privs: %w", err)
		}
		err = load(program)
	}
	if err != nil {
		return fmt.Errorf("load the filter of system calls: %w", err)
	}
	return nil
}

func filter(more []Refusal) ([]unix.SockFilter, error) {
	native, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	policy := seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
		{Action: seccomp.ActionErrno, Names: known(native, denied), NamesWithCondtions: flagged(native, more)},
		// Its flags are out of a filter's reach; libraries then take clone.
		{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: known(native, []string{"clone3"})},
	}}
	listed, err := policy.Assemble()
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(append(preamble(native, more), listed...))
	if err != nil {
		return nil, err
	}
	program := make([]unix.SockFilter, 0, len(raw))
	for _, i := range raw {
		program = append(program, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	return program, nil
}

// Places in struct seccomp_data (seccomp(2)).
const (
	numberAt = 0
	archAt   = 4
	argsAt   = 16 // the low half of the first, on machines with the low end first, as all of ours are
)

// preamble does what the library can't. The library lets through whatever comes by another architecture's entry, which
// on amd64 is any 32-bit program; and it compares all 64 bits of an argument where the kernel looks at 32.
func preamble(native *arch.Info, more []Refusal) []bpf.Instruction {
	families := families
	if slices.Contains(more, UnixSockets) {
		families = append(slices.Clone(families), unix.AF_UNIX)
	}
	refuse := func(e unix.Errno) bpf.Instruction {
		return bpf.RetConstant{Val: uint32(seccomp.ActionErrno) | uint32(e)}
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: archAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(native.ID), SkipTrue: 1},
		refuse(unix.ENOSYS),
		bpf.LoadAbsolute{Off: numberAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKET, SkipTrue: uint8(1 + 2*len(families))},
		bpf.LoadAbsolute{Off: argsAt, Size: 4},
	}
	for _, family := range families {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: family, SkipTrue: 1}, refuse(unix.EAFNOSUPPORT))
	}
	return program
}

// known are those of the names that this architecture has.
func known(native *arch.Info, names []string) []string {
	var found []string
	for _, name := range names {
		if _, ok := native.SyscallNames[name]; ok {
			found = append(found, name)
		}
	}
	return found
}

func flagged(native *arch.Info, more []Refusal) []seccomp.NameWithConditions {
	var list []seccomp.NameWithConditions
	add := func(name string, c seccomp.Condition) {
		if _, ok := native.SyscallNames[name]; ok {
			list = append(list, seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{c}})
		}
	}
	for _, flag := range namespaces {
		add("clone", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: flag})
		add("unshare", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: flag})
	}
	add("unshare", seccomp.Condition{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_NEWTIME})
	if slices.Contains(more, Others) {
		for _, o := range others {
			add(o.name, seccomp.Condition{Argument: o.argument, Operation: seccomp.NotEqual, Value: o.own})
		}
	}
	return list
}
