package output

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// Pipe is one output of a process. Only one goroutine may use it at a time.
type Pipe struct {
	fd    int // the end that is read; -1: closed
	child *os.File
}

// NewPipe makes a pipe.
func NewPipe() (*Pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "no pipe can be made now: %w", os.NewSyscallError("pipe2", err))
	}
	_ = unix.SetNonblock(fds[0], true) // not the other one: processes wait where it is full
	return &Pipe{fds[0], os.NewFile(uintptr(fds[1]), "pipe")}, nil
}

// OpenPipe opens a named pipe.
func OpenPipe(path string) (*Pipe, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	// The daemon keeps this end too, so that there is no end before a process has opened it.
	child, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Pipe{fd, child}, nil
}

// Child is the end that the process writes to.
func (p *Pipe) Child() *os.File { return p.child }

// Close closes what is left of it.
func (p *Pipe) Close() {
	p.child.Close()
	if p.fd >= 0 {
		_ = unix.Close(p.fd)
		p.fd = -1
	}
}

// Read reads what is there: unix.EAGAIN where nothing is, 0 bytes and no error at the end.
func (p *Pipe) Read(buf []byte) (int, error) {
	for {
		if n, err := unix.Read(p.fd, buf); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Buffered is the number of bytes in the pipe.
func (p *Pipe) Buffered() int {
	n, err := unix.IoctlGetInt(p.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// widen makes room in the pipe for several reads, and tells whether it could: who may do so how much is limited (pipe(7)).
func (p *Pipe) widen() bool {
	_, err := unix.FcntlInt(uintptr(p.fd), unix.F_SETPIPE_SZ, 4*wideRead)
	return err == nil
}

// file gives the end that is read to somebody else.
func (p *Pipe) file() *os.File {
	f := os.NewFile(uintptr(p.fd), "pipe")
	p.fd = -1
	return f
}
