package stage

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Capabilities is all that root has in a sandbox: what package managers, su and
// servers on low ports need.
func Capabilities() []int {
	return []int{
		unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
		unix.CAP_NET_BIND_SERVICE, unix.CAP_SETFCAP, unix.CAP_SETGID, unix.CAP_SETUID,
	}
}

// setCapabilities leaves every thread just these (capset(2)).
func setCapabilities(keep []int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had, data [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		return err
	}
	for _, c := range keep {
		bit := uint32(1) << (c % 32)
		data[c/32].Effective |= bit & had[c/32].Permitted
		data[c/32].Permitted |= bit & had[c/32].Permitted
	}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0) //nolint:gosec // as x/sys does for one thread
	if errno != 0 {
		return errno
	}
	return nil
}
