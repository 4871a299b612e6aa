package jupyter

import (
	"bytes"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
)

// maxWaiting is how many bytes of messages may wait for a slow client. Up to that the kernel is read as fast as it
// writes: a publisher throws away what a slow subscriber has not taken.
const maxWaiting = 64 << 20

// run is one piece of code that runs, or a question to the kernel: the messages that belong to it wait here.
type run struct {
	out     code.Output
	arrived chan struct{} // has a value when there are messages

	mu       sync.Mutex
	changed  *sync.Cond
	requests map[string]bool // ids of what was asked
	messages []message
	waiting  int // bytes
	hurried  bool
	over     bool
}

func newRun(out code.Output) *run {
	r := &run{out: out, arrived: make(chan struct{}, 1), requests: map[string]bool{pipedOut: true, pipedErr: true}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// put adds a message, and waits while there are too many.
func (r *run) put(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.requests[m.Parent] {
		return
	}
	for r.waiting > maxWaiting && !r.over && !r.hurried {
		r.changed.Wait()
	}
	if r.over {
		return
	}
	r.messages = append(r.messages, m)
	r.waiting += len(m.Content)
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// What the kernel's process wrote into its pipes waits like messages, of these types.
const (
	pipedOut = "piped stdout"
	pipedErr = "piped stderr"
)

// write adds what the kernel's process wrote.
func (r *run) write(kind string, p []byte) {
	r.put(message{Type: kind, Parent: kind, Content: bytes.Clone(p)})
}

// take gives the messages that wait.
func (r *run) take() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.messages
	r.messages, r.waiting = nil, 0
	r.changed.Broadcast()
	return taken
}

// owns tells whether the request is one of this run's.
func (r *run) owns(request string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[request]
}

// asked notes that the answers to a request belong here.
func (r *run) asked(request string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests[request] = true
}

// hurry makes put wait no more: the code or the kernel has ended, and what is still to come is little.
func (r *run) hurry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hurried = true
	r.changed.Broadcast()
}

// finish makes messages that still come be dropped.
func (r *run) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.changed.Broadcast()
}
