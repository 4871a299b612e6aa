package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// The limits of one frame, in bytes, that hold where Options says nothing.
const (
	DefaultFrameLimit = 4 << 20
	DefaultHardLimit  = 64 << 20
)

// ErrFrameTooLong is why reading stopped at a frame over Options.HardLimit.
var ErrFrameTooLong = errors.New("frame exceeds the hard limit")

// Options change how a stream is read. The zero value is good for streams of
// typed events.
type Options struct {
	// Untyped is for streams whose events have no property "type" (metrics):
	// it lets a bare JSON object be an event without one.
	Untyped bool
	// MaxKept bounds memory: only the first and the last MaxKept events keep
	// Data and Value; 0 keeps all. Every event goes whole to onEvent.
	MaxKept int
	// FrameLimit is the size in bytes from which on a frame is a FrameTooLong
	// fault, HardLimit the one at which reading stops with ErrFrameTooLong;
	// 0 means the defaults.
	FrameLimit, HardLimit int
	// Now is the clock that arrival times are read from; nil is time.Now.
	Now func() time.Time
}

// Read reads a stream to its end with the zero Options.
func Read(ctx context.Context, body io.Reader, onEvent func(Event)) *Transcript {
	return Options{}.Read(ctx, body, onEvent)
}

// Read reads a live stream until it ends or ctx does, and calls onEvent (nil:
// nobody) with each event as soon as the bytes that complete it have come: the
// blank line behind it, or for a bare JSON object the end of its line.
//
// When ctx ends, a body that is an io.Closer is closed, which ends a Read that
// waits; any other body must return by itself. Otherwise closing is the
// caller's.
func (o Options) Read(ctx context.Context, body io.Reader, onEvent func(Event)) *Transcript {
	if o.FrameLimit <= 0 {
		o.FrameLimit = DefaultFrameLimit
	}
	if o.HardLimit <= 0 {
		o.HardLimit = DefaultHardLimit
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if c, ok := body.(io.Closer); ok {
		closed := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(closed)
			_ = c.Close() // the Read that this ends tells the story
		})
		defer func() {
			if !stop() {
				<-closed
			}
		}()
	}

	p := newParser(o, onEvent)
	p.t.Began = o.Now()
	p.arrive(p.t.Began)
	err := pump(ctx, body, p)
	p.t.Ended = o.Now()
	p.t.Silence = max(p.t.Silence, p.t.Ended.Sub(p.at))
	p.finish(err)
	return p.t
}

// pump feeds the parser until the body ends; nil is a clean end.
func pump(ctx context.Context, body io.Reader, p *parser) error {
	buf := make([]byte, 64<<10)
	for empty := 0; ; {
		n, err := body.Read(buf)
		if n > 0 {
			empty = 0
			p.arrive(p.opt.Now())
			p.t.Bytes += int64(n)
			if err := p.feed(buf[:n]); err != nil {
				return err
			}
		} else if empty++; err == nil && empty > 100 {
			err = io.ErrNoProgress
		}
		switch {
		case err == io.EOF:
			return nil
		case ctx.Err() != nil:
			// What a cut looks like after our own end says nothing of the server.
			return ended(ctx)
		case err != nil:
			return fmt.Errorf("read event stream: %w", err)
		}
	}
}

func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("read event stream: %w: %w", ctx.Err(), cause)
	}
	return fmt.Errorf("read event stream: %w", ctx.Err())
}

// End is how a stream ended.
type End string

// The ways in which a stream ends.
const (
	EndClean  End = "clean"     // the body's own end
	EndReader End = "by reader" // the context ended, or the body was closed on this side
	EndCut    End = "cut"       // the connection ended before the body did
	EndReset  End = "reset"     // the connection was reset
	EndLimit  End = "limit"     // a frame over the hard limit
	EndBroken End = "broken"    // anything else, such as broken chunks
)

// End says how the stream ended, from Err.
func (t *Transcript) End() End { return endOf(t.Err) }

func endOf(err error) End {
	switch {
	case err == nil:
		return EndClean
	case errors.Is(err, ErrFrameTooLong):
		return EndLimit
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, os.ErrClosed),
		errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, http.ErrBodyReadAfterClose):
		return EndReader
	case errors.Is(err, io.ErrUnexpectedEOF):
		return EndCut
	case errors.Is(err, syscall.ECONNRESET):
		return EndReset
	}
	return EndBroken
}
