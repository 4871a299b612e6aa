package proxy

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// How much of an answer is judged, in bytes: of a stream, whose events are kept apart, and of what is no text.
const (
	mostStream = 1 << 20
	mostBinary = 64 << 10
)

// recorder is the body of a request, of which the first bytes are kept. The transport may go on reading it after its
// answer has come.
type recorder struct {
	io.ReadCloser
	most int

	mu    sync.Mutex
	data  bytes.Buffer
	cut   bool
	ended time.Time // zero: the end was not read
}

// Read passes on what comes.
func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	room := min(n, r.most-r.data.Len())
	r.data.Write(p[:room])
	r.cut = r.cut || room < n
	if err == io.EOF && r.ended.IsZero() {
		r.ended = time.Now()
	}
	return n, err
}

// kept is what was recorded, whether there is more, and when the end came.
func (r *recorder) kept() (data []byte, cut bool, ended time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.data.Bytes()), r.cut || r.ended.IsZero(), r.ended
}

// watched is the body of an answer on its way to the client. Its reader is one goroutine.
type watched struct {
	io.ReadCloser
	client context.Context
	data   bytes.Buffer
	most   int
	size   int64
	over   bool
	err    error
	left   bool        // the client went away, or there was more than is judged
	events *transcript // of a stream
}

// watch begins to watch the body of an answer.
func watch(t *traffic, body io.ReadCloser) *watched {
	x := t.exchange
	w := &watched{ReadCloser: body, client: t.client.Context(), most: mostBinary}
	switch media := x.MediaType(); {
	case x.Status == 200 && (media == "text/event-stream" || judge.Streams(x.Operation)):
		w.events = follow(judge.StreamOptions(x.Operation))
	case media == "application/json", media == "text/plain":
		w.most = exchange.MaxBody
	}
	return w
}

// Read passes on what comes.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.size += int64(n)
	if w.events == nil {
		w.data.Write(p[:min(n, w.most-w.data.Len())])
	} else if !w.left {
		w.events.write(p[:n])
		if w.size > mostStream && err == nil {
			w.leave()
		}
	}
	if err != nil {
		w.end(err)
	}
	return n, err
}

// Close ends it, where its end has not been read: the client does not want it any more.
func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.end(context.Canceled)
	return err
}

// leave stops judging what comes.
func (w *watched) leave() {
	w.left = true
	if w.events != nil {
		w.events.leave()
	}
}

func (w *watched) end(err error) {
	if w.over {
		return
	}
	w.over = true
	switch {
	case err == io.EOF:
	case err == context.Canceled, w.client.Err() != nil:
		w.leave()
		return
	default:
		w.err = err
	}
	if w.events != nil && !w.left {
		w.events.end(w.err)
	}
}

// gather puts what came into the exchange, once it is over.
func (w *watched) gather(x *exchange.Exchange) {
	w.end(context.Canceled) // it may never have been read
	x.Body, x.BodySize, x.Left = w.data.Bytes(), w.size, w.left
	if w.events != nil {
		x.Stream = w.events.done()
	} else {
		x.Err = w.err
	}
}

// transcript is a stream that is read beside the client, event by event as it passes.
type transcript struct {
	in     *io.PipeWriter
	stop   context.CancelFunc
	result chan *stream.Transcript
}

func follow(how stream.Options) *transcript {
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	t := &transcript{in: in, stop: stop, result: make(chan *stream.Transcript, 1)}
	go func() { // done waits for it
		defer stop()
		read := how.Read(ctx, out, nil)
		_ = out.Close() // what comes later is not waited for
		t.result <- read
	}()
	return t
}

func (t *transcript) write(p []byte) { _, _ = t.in.Write(p) }

// leave says that the stream is not read to its end.
func (t *transcript) leave() {
	t.stop()
	_ = t.in.CloseWithError(context.Canceled)
}

// end says how the stream ended; nil is its own end.
func (t *transcript) end(err error) { _ = t.in.CloseWithError(err) }

func (t *transcript) done() *stream.Transcript { return <-t.result }
