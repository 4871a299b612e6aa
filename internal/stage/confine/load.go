package confine

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func load(program []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))) //nolint:gosec // x/sys has no function for it
	runtime.KeepAlive(program)
	if errno != 0 {
		return errno
	}
	if thread != 0 { // one that has a filter of its own
		return unix.EBUSY
	}
	return nil
}
