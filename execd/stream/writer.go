// Package stream writes event streams: Server-Sent Events (WHATWG HTML §9.2) whose data are the
// ServerStreamEvent objects of spec/execd-api.yaml, or objects that are ready made. It holds the framing, the
// encoding, the timestamps and the cutting of output into lines; what happens, and in which order, is its callers'
// business.
package stream

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// silence is how long nothing may be sent before a comment line shows that the stream is alive.
	silence = 15 * time.Second
	// writeSize is the number of buffered bytes that are written without waiting for the end of the batch,
	// which bounds memory: a read of empty lines grows sixty times when it is encoded.
	writeSize = 256 << 10
)

// Writer sends events to one client. Its methods may be called from several goroutines. A slow client makes
// them wait; once a write has failed they send nothing more and return that error.
type Writer struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	undo func() bool  // stops watching the context
	conn *net.TCPConn // nil: see ConnContext

	mu    sync.Mutex
	buf   []byte
	last  int64 // the newest timestamp sent, Unix ms
	began bool
	dirty bool // written and not flushed
	held  bool // the connection holds packets together
	ended bool
	err   error
	quiet *time.Timer
}

// NewWriter starts a stream on w; nothing is sent before the first event, so that a request may still fail
// with a status. When ctx is done a write that waits for the client fails. The caller must Close it.
func NewWriter(ctx context.Context, w http.ResponseWriter) *Writer {
	s := &Writer{w: w, rc: http.NewResponseController(w)}
	s.conn, _ = ctx.Value(connKey{}).(*net.TCPConn)
	s.undo = context.AfterFunc(ctx, func() { _ = s.rc.SetWriteDeadline(time.Unix(1, 0)) })
	return s
}

// Send calls fill to gather events and sends them with one flush. It returns the first error of this stream.
func (s *Writer) Send(fill func(*Batch)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.ended {
		return s.err
	}
	s.last = max(s.last, time.Now().UnixMilli())
	b := Batch{s: s, buf: s.buf[:0], stamp: s.last}
	fill(&b)
	b.write()
	s.flush()
	s.buf = b.buf
	if cap(s.buf) > 2*writeSize { // one huge line must not be paid for until the end
		s.buf = nil
	}
	return s.err
}

// Err is the error that ended the stream early: the client has gone away.
func (s *Writer) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the stream: nothing is sent afterwards, and nothing of it keeps running.
func (s *Writer) Close() {
	s.undo()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.quiet != nil {
		s.quiet.Stop()
	}
}

// write hands p to the client's connection; the first one is preceded by the headers.
func (s *Writer) write(p []byte) {
	if s.err != nil || len(p) == 0 {
		return
	}
	if !s.began {
		s.began = true
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no")
		s.w.WriteHeader(http.StatusOK)
	}
	s.dirty = true
	if len(p) >= packetSize {
		s.hold(true)
	}
	_, s.err = s.w.Write(p)
}

func (s *Writer) flush() {
	if s.err != nil || !s.dirty {
		return
	}
	s.dirty = false
	s.err = s.rc.Flush()
	s.hold(false)
	if s.quiet == nil {
		s.quiet = time.AfterFunc(silence, s.comment)
	} else {
		s.quiet.Reset(silence)
	}
}

// comment is the sign of life; proxies and clients drop connections that are silent for long.
func (s *Writer) comment() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.write([]byte(":\n\n"))
	s.flush()
}
