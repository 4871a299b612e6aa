package stage

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Confine takes from this process, all of its threads, and from all that it
// starts, every capability but those to keep, and the way to get any back.
//
// It needs a binary without cgo.
func Confine(keep []int) error {
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		if err := everyThread(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c)); err != nil && err != unix.EINVAL { // a kernel that doesn't know it
			return fmt.Errorf("give up capability %d: %w", c, err)
		}
	}
	if err := everyThread(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil {
		return fmt.Errorf("give up ambient capabilities: %w", err)
	}
	if err := setCapabilities(keep); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := everyThread(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return nil
}

func everyThread(trap, first, second uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall6(trap, first, second, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
