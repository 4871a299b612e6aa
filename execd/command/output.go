package command

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// output is the reading end of a command's stdout or stderr.
type output struct {
	r, child *os.File
	kind     stream.Kind

	mu      sync.Mutex
	partial time.Time // when the beginning of a line has waited long enough
	end     time.Time // when waiting for more ends
}

func newOutput(kind stream.Kind) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "no pipe can be made now: %w", err)
	}
	return &output{r: r, child: w, kind: kind}, nil
}

func (c *Command) pipes() (err error) {
	if c.stdout, err = newOutput(stream.Stdout); err != nil {
		return err
	}
	if c.stderr, err = newOutput(stream.Stderr); err != nil {
		c.stdout.r.Close()
		c.stdout.child.Close()
		return err
	}
	c.cmd.Stdout, c.cmd.Stderr = c.stdout.child, c.stderr.child
	return nil
}

func (c *Command) closeChildEnds() {
	c.stdout.child.Close()
	c.stderr.child.Close()
}

func (c *Command) closePipes() {
	c.closeChildEnds()
	c.stdout.r.Close()
	c.stderr.r.Close()
}

// endAt sets the time after which no more is waited for.
func (o *output) endAt(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end = t
	o.wake()
}

// partialAt sets the time at which the beginning of a line is sent; zero: there is none.
func (o *output) partialAt(t time.Time) {
	if o.partial.Equal(t) { // only the reading goroutine changes it
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = t
	o.wake()
}

// wake makes a read return at the earlier of the two times.
func (o *output) wake() {
	t := o.end
	if t.IsZero() || !o.partial.IsZero() && o.partial.Before(t) {
		t = o.partial
	}
	_ = o.r.SetReadDeadline(t) // a pipe takes deadlines; where not, reads end with the pipe
}

// over tells whether the time to wait for more has passed.
func (o *output) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.end.IsZero() && !time.Now().Before(o.end)
}

// readNow reads without waiting, also when the deadline has passed. It returns 0 and no error where nothing
// is there.
func (o *output) readNow(buf []byte) (int, error) {
	if o.buffered() == 0 {
		return 0, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.r.SetReadDeadline(time.Time{}) // Go refuses to read at all once it has passed
	n, err := o.r.Read(buf)
	o.wake()
	return n, err
}

// buffered is the number of bytes in the pipe.
func (o *output) buffered() int {
	n := 0
	raw, err := o.r.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil {
		return 0
	}
	return n
}
