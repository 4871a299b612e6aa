package driver

import (
	"errors"
	"os"
	"sync"
	"time"

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

	mu    sync.Mutex
	hand  func(p []byte)     // takes what comes; nil: no one
	asked chan chan struct{} // holds a drain that is asked for
}

func newPump(r *os.File) *pump {
	return &pump{r: r, gone: make(chan struct{}), asked: make(chan chan struct{}, 1)}
}

// to sets who takes what comes from now on; who took it before gets nothing more once it has returned.
func (p *pump) to(hand func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hand = hand
}

// drain returns when everything that is in the pipe now has been handed on. One goroutine at a time may call it.
func (p *pump) drain() {
	answer := make(chan struct{})
	p.asked <- answer
	_ = p.r.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	select {
	case <-answer:
	case <-p.gone:
		select { // the next one must not find it
		case <-p.asked:
		default:
		}
	}
}

// run reads until the pipe ends or is closed.
func (p *pump) run() {
	defer close(p.gone)
	defer p.r.Close()
	small := make([]byte, smallRead)
	buf := small
	for {
		n, err := p.r.Read(buf)
		p.give(buf[:n])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = p.r.SetReadDeadline(time.Time{})
			select {
			case answer := <-p.asked:
				if !p.rest(buf) {
					return
				}
				close(answer)
			default: // that drain has been served
			}
		case err != nil:
			return
		}
		switch {
		case n == len(buf) && n < largeRead:
			buf = make([]byte, largeRead)
		case n < smallRead:
			buf = small
		}
	}
}

// rest hands on what is in the pipe at this time, and no more: something may write for ever.
func (p *pump) rest(buf []byte) bool {
	for left := buffered(p.r); left > 0; {
		n, err := p.r.Read(buf[:min(left, len(buf))])
		p.give(buf[:n])
		if err != nil {
			return false
		}
		left -= n
	}
	return true
}

func (p *pump) give(b []byte) {
	if len(b) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hand != nil {
		p.hand(b)
	}
}

// buffered is the number of bytes in a pipe.
func buffered(f *os.File) int {
	n := 0
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil {
		return 0
	}
	return n
}
