package output

import (
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// Order tells which of several pipes has something, in the order in which it came into them. That is the order in which
// a process wrote, unless it writes into one for the second time before anybody has looked.
type Order struct {
	epoll *os.File // edge-triggered: what is not read stays in its place, and what comes anew goes to the end
	raw   syscall.RawConn

	mu     sync.Mutex
	queued []int
}

// NewOrder watches pipes, which are known by their places in this list from then on.
func NewOrder(pipes ...*Pipe) (*Order, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, unwatched(os.NewSyscallError("epoll_create1", err))
	}
	_ = unix.SetNonblock(fd, true) // so that Go waits for it as for a pipe
	o := &Order{epoll: os.NewFile(uintptr(fd), "epoll")}
	for i, p := range pipes {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(i)}
		if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, p.fd, &event); err != nil {
			o.Close()
			return nil, unwatched(os.NewSyscallError("epoll_ctl", err))
		}
	}
	if o.raw, err = o.epoll.SyscallConn(); err == nil {
		err = o.epoll.SetReadDeadline(time.Time{}) // can it be waited for?
	}
	if err != nil {
		o.Close()
		return nil, unwatched(err)
	}
	return o, nil
}

func unwatched(err error) error {
	return fault.Errorf(fault.Unavailable, "no pipe can be watched now: %w", err)
}

// Close makes Wait return, and watches nothing any more.
func (o *Order) Close() { o.epoll.Close() }

// WaitUntil sets when Wait waits no longer; zero: never.
func (o *Order) WaitUntil(t time.Time) { _ = o.epoll.SetReadDeadline(t) } // it could be set before

// Wait waits until a pipe has something new, or has ended. The error is os.ErrDeadlineExceeded, or os.ErrClosed.
func (o *Order) Wait() error { return o.raw.Read(func(fd uintptr) bool { return o.note(int(fd)) }) }

// Look takes note of what is new without waiting.
func (o *Order) Look() { _ = o.raw.Control(func(fd uintptr) { o.note(int(fd)) }) } // when it is closed nothing is new

func (o *Order) note(fd int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	var events [2]unix.EpollEvent
	n, err := unix.EpollWait(fd, events[:], 0)
	for err == unix.EINTR {
		n, err = unix.EpollWait(fd, events[:], 0)
	}
	for i := range max(n, 0) {
		o.queue(int(events[i].Fd))
	}
	return len(o.queued) > 0
}

func (o *Order) queue(i int) {
	if !slices.Contains(o.queued, i) {
		o.queued = append(o.queued, i)
	}
}

// Queued are the pipes that are known to have something.
func (o *Order) Queued() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.queued)
}

// Next takes the pipe that is to be read now, -1 where none is known to have something. Once it was read, Again must be
// called, unless it was empty or has ended.
func (o *Order) Next() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queued) == 0 {
		return -1
	}
	i := o.queued[0]
	o.queued = o.queued[:copy(o.queued, o.queued[1:])]
	return i
}

// Again puts a pipe that may have more behind those that have something new.
func (o *Order) Again(i int) {
	o.Look()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue(i)
}
