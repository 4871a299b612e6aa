package process

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// first is a handle on the first process of a sandbox, which can't come to mean
// another one. Waiting takes no thread.
type first struct {
	pid int
	fd  *os.File // pidfd
}

// hold makes a handle of a pidfd.
func hold(pid, fd int) (*first, error) {
	if err := unix.SetNonblock(fd, true); err != nil { // so that the poller takes it
		unix.Close(fd)
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	return &first{pid: pid, fd: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// adopt opens the process of a record. The error is stage.ErrGone where it has
// ended.
func adopt(record stage.Record) (*first, error) {
	fd, err := unix.PidfdOpen(record.PID, 0)
	if err == unix.ESRCH {
		return nil, stage.ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", record.PID, err)
	}
	// With the handle open the number can't pass on to another process any more; whether it had before shows now.
	now, err := stage.Of(record.PID)
	if err == nil && now != record {
		err = stage.ErrGone
	}
	if err == nil && ended(fd) { // a zombie has a number all the same
		err = stage.ErrGone
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return hold(record.PID, fd)
}

// ended tells whether the process of a pidfd has.
func ended(fd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if err == unix.EINTR {
			continue
		}
		return n > 0
	}
}

// wait waits for the end, and gives the status where that can be had: of a
// child of this server. It fails when the handle is closed.
func (f *first) wait() (status int, waited bool, err error) {
	raw, err := f.fd.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var state syscall.WaitStatus
	err = raw.Read(func(fd uintptr) bool {
		if !ended(int(fd)) {
			return false
		}
		state, waited = reap(int(fd), f.pid)
		return true
	})
	switch {
	case err != nil:
		return 0, false, err
	case !waited:
		return unseen, false, nil
	case state.Signaled():
		return 128 + int(state.Signal()), true, nil
	}
	return state.ExitStatus(), true, nil
}

// reap takes the status of a process that has ended, where it is a child and
// nobody has taken it yet.
func reap(fd, pid int) (state syscall.WaitStatus, ok bool) {
	for {
		err := unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == nil {
			got, werr := syscall.Wait4(pid, &state, syscall.WNOHANG, nil)
			if werr == nil {
				return state, got == pid
			}
			err = werr
		}
		if err != unix.EINTR {
			return 0, false
		}
	}
}

// signal sends one; a process that has ended already is no error.
func (f *first) signal(sig syscall.Signal) error {
	raw, err := f.fd.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	if failed == unix.ESRCH {
		return nil
	}
	return failed
}

// over tells whether the process has ended.
func (f *first) over() bool {
	raw, err := f.fd.SyscallConn()
	if err != nil {
		return true
	}
	over := true
	_ = raw.Control(func(fd uintptr) { over = ended(int(fd)) }) // closed: nobody asks for it any more
	return over
}

func (f *first) close() { _ = f.fd.Close() }
