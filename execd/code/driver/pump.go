package driver

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	smallRead = 4 << 10  // contexts are idle most of the time
	largeRead = 64 << 10 // what a pipe holds
)

// pump reads one output of a process for as long as it is open, so that nothing that writes to it ever has to wait
// for the next piece of code. What comes while no piece runs belongs to none and is dropped.
type pump struct {
	r    *os.File
	gone chan struct{} // closed when no more will come

	mu   sync.Mutex // held from a read until what was read has been handed on
	hand func(p []byte)
	buf  []byte
}

func newPump(r *os.File) *pump {
	return &pump{r: r, gone: make(chan struct{}), buf: make([]byte, smallRead)}
}

// to sets who takes what comes from now on; nil: no one. Who took it before gets nothing more once it has returned.
func (p *pump) to(hand func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hand = hand
}

// run reads until the pipe ends or is closed.
func (p *pump) run() {
	defer close(p.gone)
	defer p.r.Close()
	raw, err := p.r.SyscallConn()
	if err != nil {
		return
	}
	for ended := false; err == nil && !ended; {
		err = raw.Read(func(fd uintptr) (ready bool) {
			n, err := p.read(int(fd), largeRead)
			ended = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
			return err != syscall.EAGAIN
		})
	}
}

// drain returns when everything that is in the pipe now has been handed on, and no more: something may write for ever.
func (p *pump) drain() {
	raw, err := p.r.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		p.mu.Lock() // the other reader has handed on what it took out
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		p.mu.Unlock()
		for err == nil && left > 0 {
			var n int
			if n, err = p.read(int(fd), left); n == 0 {
				return // the other one was faster
			}
			left -= n
		}
	})
}

// read reads up to limit bytes without waiting, and hands them on.
func (p *pump) read(fd, limit int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := syscall.Read(fd, p.buf[:min(limit, len(p.buf))])
	if n <= 0 {
		return 0, err
	}
	if p.hand != nil {
		p.hand(p.buf[:n])
	}
	switch {
	case n == len(p.buf) && n < largeRead:
		p.buf = make([]byte, largeRead)
	case n < smallRead && len(p.buf) > smallRead:
		p.buf = make([]byte, smallRead)
	}
	return n, err
}
