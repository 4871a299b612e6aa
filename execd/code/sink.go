package code

import (
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// sink turns what a run produces into events. A slow client makes the interpreter wait.
type sink struct {
	s      *stream.Writer
	before int    // runs of the context before this interpreter
	gone   func() // called when the client has gone away

	mu             sync.Mutex
	over           bool
	stdout, stderr *output
}

// output is one of the two, cut into lines.
type output struct {
	lines   *stream.Lines
	partial *time.Timer // sends the beginning of a line whose end does not come; nil: never needed yet
}

var _ Output = (*sink)(nil)

func newSink(s *stream.Writer, before int, gone func()) *sink {
	return &sink{s: s, before: before, gone: gone, stdout: &output{lines: stream.NewLines(stream.Stdout)}, stderr: &output{lines: stream.NewLines(stream.Stderr)}}
}

// Stdout implements Output.
func (k *sink) Stdout(p []byte) { k.write(k.stdout, p) }

// Stderr implements Output.
func (k *sink) Stderr(p []byte) { k.write(k.stderr, p) }

func (k *sink) write(o *output, p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	waited, ended := o.lines.Waiting(), false
	k.send(func(b *stream.Batch) { ended = o.lines.Write(b, p) })
	switch {
	case !o.lines.Waiting():
		if o.partial != nil {
			o.partial.Stop()
		}
	case waited && !ended: // its time runs already
	case o.partial == nil:
		o.partial = time.AfterFunc(stream.PartialAfter, func() { k.flush(o) })
	default:
		o.partial.Reset(stream.PartialAfter)
	}
}

func (k *sink) flush(o *output) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.send(o.lines.Partial)
	}
}

// Result implements Output.
func (k *sink) Result(results map[string]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over || len(results) == 0 {
		return
	}
	k.send(func(b *stream.Batch) {
		k.stdout.lines.Partial(b) // what was written before comes before
		k.stderr.lines.Partial(b)
		b.Result(fitResults(results))
	})
}

// ExecutionCount implements Output.
func (k *sink) ExecutionCount(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.send(func(b *stream.Batch) { b.ExecutionCount(k.before + n) })
	}
}

// end sends what is left.
func (k *sink) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.send(func(b *stream.Batch) {
		k.stdout.lines.End(b)
		k.stderr.lines.End(b)
	})
	for _, o := range []*output{k.stdout, k.stderr} {
		if o.partial != nil {
			o.partial.Stop()
		}
	}
}

func (k *sink) send(fill func(*stream.Batch)) {
	if k.s.Send(fill) != nil {
		k.gone()
	}
}
