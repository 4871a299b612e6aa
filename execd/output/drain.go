package output

import (
	"io"
	"os"
	"sync"
)

// Drain goes on reading for processes that were left behind, which would die of SIGPIPE otherwise. The zero
// value is ready; its owner must Close it.
type Drain struct {
	mu     sync.Mutex
	closed bool
	left   map[*os.File]struct{}
	work   sync.WaitGroup
}

func (d *Drain) take(f *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		f.Close()
		return
	}
	if d.left == nil {
		d.left = map[*os.File]struct{}{}
	}
	d.left[f] = struct{}{}
	d.work.Go(func() {
		_, _ = io.Copy(io.Discard, f) // until its end, or Close
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.left, f)
		f.Close()
	})
}

// Close closes all pipes, and waits until nothing reads any more.
func (d *Drain) Close() {
	d.mu.Lock()
	d.closed = true
	for f := range d.left {
		f.Close()
	}
	d.mu.Unlock()
	d.work.Wait()
}
