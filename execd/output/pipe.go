// Package output reads what processes write to their standard output and standard error, and hands it on as it
// comes: as events to a stream, and as bytes to whoever records it. It waits for no process that was left
// behind, and lets none die of a pipe that is gone.
package output

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// Grace is how long output is waited for after the end of what wrote it, when a process that was left behind
// still holds the pipe.
const Grace = 250 * time.Millisecond

// Pipe is one output of a process.
type Pipe struct {
	r, child *os.File
	kind     stream.Kind

	mu      sync.Mutex
	partial time.Time // when the beginning of a line has waited long enough
	end     time.Time // when waiting for more ends
}

// NewPipe makes a pipe for an output of that kind.
func NewPipe(kind stream.Kind) (*Pipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "no pipe can be made now: %w", err)
	}
	return FromFiles(kind, r, w), nil
}

// FromFiles takes the two ends of a pipe that is there already.
func FromFiles(kind stream.Kind, r, w *os.File) *Pipe { return &Pipe{r: r, child: w, kind: kind} }

// Child is the end that the process writes to.
func (p *Pipe) Child() *os.File { return p.child }

// CloseChild closes the daemon's copy of the end that the process writes to; Pump ends no sooner.
func (p *Pipe) CloseChild() { p.child.Close() }

// Close gives the pipe up where nothing was started that writes to it.
func (p *Pipe) Close() {
	p.child.Close()
	p.r.Close()
}

// EndAt sets the time after which Pump waits for no more.
func (p *Pipe) EndAt(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = t
	p.wake()
}

// partialAt sets the time at which the beginning of a line is sent; zero: there is none.
func (p *Pipe) partialAt(t time.Time) {
	if p.partial.Equal(t) { // only the reading goroutine changes it
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partial = t
	p.wake()
}

// wake makes a read return at the earlier of the two times.
func (p *Pipe) wake() {
	t := p.end
	if t.IsZero() || !p.partial.IsZero() && p.partial.Before(t) {
		t = p.partial
	}
	_ = p.r.SetReadDeadline(t) // a pipe takes deadlines; where not, reads end with the pipe
}

// over tells whether the time to wait for more has passed.
func (p *Pipe) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.end.IsZero() && !time.Now().Before(p.end)
}

// readNow reads without waiting, also when the deadline has passed. It returns 0 and no error where nothing
// is there.
func (p *Pipe) readNow(buf []byte) (int, error) {
	if p.buffered() == 0 {
		return 0, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.r.SetReadDeadline(time.Time{}) // Go refuses to read at all once it has passed
	n, err := p.r.Read(buf)
	p.wake()
	return n, err
}

// buffered is the number of bytes in the pipe.
func (p *Pipe) buffered() int {
	n := 0
	raw, err := p.r.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil {
		return 0
	}
	return n
}

// widen makes room in the pipe for several reads, and tells whether it could: who may do so how much is limited (pipe(7)).
func (p *Pipe) widen() bool {
	raw, err := p.r.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 4*wideRead) })
	return err == nil
}
