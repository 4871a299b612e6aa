package jupyter

import (
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
)

const (
	// shutdownWait is how long a kernel that was asked to end may take before SIGTERM, killAfter how long after that
	// before SIGKILL. A kernel whose connections broke has brokenWait.
	shutdownWait = 2 * time.Second
	killAfter    = 500 * time.Millisecond
	brokenWait   = time.Second
)

// kernel is one that runs.
type kernel struct {
	log        *slog.Logger
	session    session
	connection connection
	dir        string // of its connection file and sockets
	process    *process
	byMessage  bool // it is interrupted by a message, not by a signal
	pipes      bool // what its process writes into its pipes is output

	shell, iopub, control *channel // nil where it did not get that far

	ending  chan struct{} // closed when Close was called
	dead    chan struct{} // closed when all is over and nothing is left
	once    sync.Once
	readers sync.WaitGroup

	mu  sync.Mutex
	run *run // nil: none

	interruption interruption
}

var _ code.Kernel = (*kernel)(nil)

// serve starts what runs for as long as the kernel does.
func (k *kernel) serve() {
	for _, c := range []*channel{k.shell, k.iopub, k.control} {
		if c != nil {
			k.readers.Add(1)
			go k.read(c)
		}
	}
	go k.watch()
}

// read takes in what comes on one channel.
func (k *kernel) read(c *channel) {
	defer k.readers.Done()
	for complained := false; ; {
		frames, err := c.receive()
		if err != nil {
			k.broken(err)
			return
		}
		m, err := k.session.decode(frames)
		if err != nil {
			if !complained { // once: a kernel must not fill the log
				k.log.Warn("a message of the kernel is dropped", "err", err)
			}
			complained = true
			continue
		}
		k.dispatch(m)
	}
}

// broken ends a kernel that does not end by itself although its connection has.
func (k *kernel) broken(err error) {
	t := time.NewTimer(brokenWait)
	defer t.Stop()
	select {
	case <-k.process.exited:
	case <-k.ending:
	case <-t.C:
		k.log.Warn("the kernel is ended: its connection broke", "err", err)
		k.process.signal(syscall.SIGKILL)
	}
}

// watch cleans up behind the process.
func (k *kernel) watch() {
	defer close(k.dead)
	<-k.process.exited
	k.mu.Lock()
	if k.run != nil {
		k.run.hurry()
	}
	k.mu.Unlock()
	k.process.finished()
	until := time.Now().Add(grace) // the connections end with the process, unless a child of it has them too
	for _, c := range []*channel{k.shell, k.iopub, k.control} {
		if c != nil {
			_ = c.raw.SetDeadline(until)
			defer c.close()
		}
	}
	k.readers.Wait()
	if err := os.RemoveAll(k.dir); err != nil {
		k.log.Warn("the kernel's folder is left behind", "dir", k.dir, "err", err)
	}
}

// Close ends the kernel: it is asked to where it is idle, then by signals to its process group.
func (k *kernel) Close() {
	k.once.Do(k.shutdown)
	<-k.dead
}

func (k *kernel) shutdown() {
	close(k.ending)
	k.mu.Lock()
	idle := k.run == nil
	if !idle {
		k.run.hurry()
	}
	k.mu.Unlock()
	if idle && k.control != nil && k.ask(nil, k.control, "shutdown_request", map[string]bool{"restart": false}) == nil && k.exitedWithin(shutdownWait) {
		return
	}
	k.process.signal(syscall.SIGTERM)
	if !k.exitedWithin(killAfter) {
		k.process.signal(syscall.SIGKILL)
	}
}

func (k *kernel) exitedWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-k.process.exited:
		return true
	case <-t.C:
		return false
	}
}

// ask sends a request, whose answers belong to r; nil: nobody waits for them.
func (k *kernel) ask(r *run, c *channel, kind string, content any) error {
	id, frames, err := k.session.encode(kind, content)
	if err != nil {
		return err
	}
	if r != nil {
		r.asked(id)
	}
	return c.send(frames)
}

// begin makes r the run that messages and output belong to.
func (k *kernel) begin(r *run) {
	k.mu.Lock()
	k.run, k.interruption = r, interruption{}
	k.mu.Unlock()
	if r.out != nil && k.pipes {
		k.process.stdout.listen(func(p []byte) { r.write(pipedOut, p) })
		k.process.stderr.listen(func(p []byte) { r.write(pipedErr, p) })
	}
}

// rest gives what the kernel's process itself has written and nobody has taken yet.
func (k *kernel) rest(r *run) []message {
	r.hurry() // who takes it is here
	k.process.stdout.drain()
	k.process.stderr.drain()
	return r.take()
}

// end is the counterpart of begin.
func (k *kernel) end(r *run) {
	k.process.stdout.listen(nil)
	k.process.stderr.listen(nil)
	k.mu.Lock()
	k.run = nil
	k.interruption.stop()
	k.mu.Unlock()
	r.finish()
}

func (k *kernel) dispatch(m message) {
	k.mu.Lock()
	r := k.run
	k.mu.Unlock()
	if r == nil || !r.owns(m.Parent) {
		return
	}
	if m.Type == "execute_input" {
		k.started(r)
	}
	r.put(m)
}
