package jupyter

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// tailSize is how much of what a kernel wrote is kept, to say why it did not start.
const tailSize = 4 << 10

// pipe takes what the kernel's process itself writes, past the protocol: complaints at its start, and the output of
// native code and child processes in kernels that don't catch it.
type pipe struct {
	f     *os.File
	ended chan struct{} // closed when there is no more to come

	mu   sync.Mutex
	sink func([]byte) // nil: nobody listens
	tail []byte
	buf  [32 << 10]byte
}

// pump reads until the end of the pipe, or its deadline.
func (p *pipe) pump() {
	defer close(p.ended)
	raw, err := p.f.SyscallConn()
	if err != nil {
		return
	}
	for more := true; more; {
		err := raw.Read(func(fd uintptr) (done bool) {
			var n int
			n, more = p.take(fd)
			return n > 0 || !more
		})
		more = more && err == nil
	}
}

// take hands on what one read gives. Reading and handing on are one step, so that who holds the lock knows
// that nothing is on its way.
func (p *pipe) take(fd uintptr) (n int, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := unix.Read(int(fd), p.buf[:])
	if n > 0 {
		p.tail = append(p.tail, p.buf[:n]...)
		p.tail = p.tail[max(0, len(p.tail)-tailSize):]
		if p.sink != nil {
			p.sink(p.buf[:n])
		}
		return n, true
	}
	return 0, err == unix.EAGAIN || err == unix.EINTR
}

// listen sends what comes from now on to sink, which must not wait for the pipe; nil: to nobody.
func (p *pipe) listen(sink func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sink = sink
}

// drain hands on what was written until now.
func (p *pipe) drain() {
	if raw, err := p.f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			for total := 0; total < 1<<20; { // a pipe's size at most: a process that writes on must not hold up the end
				n, _ := p.take(fd)
				if n == 0 {
					return
				}
				total += n
			}
		})
	}
}

// written is the last of what came.
func (p *pipe) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.tail)
}
