package command

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

const (
	firstRead = 4 << 10  // most commands say little
	readSize  = 64 << 10 // what a pipe holds
)

// Stream sends the events of the command as it runs in the foreground: its id, its output, its end. It
// returns when the command has ended; when ctx is done or the client has gone away, it ends the command.
func (c *Command) Stream(ctx context.Context, s *stream.Writer) {
	defer context.AfterFunc(ctx, func() { c.end(gone) })()
	_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte(c.ID)) })
	var pumps sync.WaitGroup
	for _, o := range []*output{c.stdout, c.stderr} {
		pumps.Go(func() { c.pump(o, s) })
	}
	pumps.Wait()
	<-c.exited
	_ = s.Send(func(b *stream.Batch) {
		if code := c.exit.Code(); code != 0 {
			b.Error(stream.Failure{Name: "CommandExecError", Value: strconv.Itoa(code), Traceback: []string{c.exit.Reason()}})
		} else {
			b.Complete(c.exit.Took)
		}
	})
}

// pump turns what comes through one pipe into events, until its end or until grace has passed since the
// command's end. When the client has gone it goes on reading, so that the command can come to its end.
func (c *Command) pump(o *output, s *stream.Writer) {
	lines := stream.NewLines(o.kind)
	send := func(fill func(*stream.Batch)) {
		if s.Send(fill) != nil {
			c.end(gone)
		}
	}
	defer send(lines.End)
	buf := make([]byte, firstRead)
	for {
		n, err := o.r.Read(buf)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if late && o.over() {
			c.rest(o, buf, func(p []byte) { send(func(b *stream.Batch) { lines.Write(b, p) }) })
			return
		}
		if late { // what is there already may hold the line's end
			n, err = o.readNow(buf)
		}
		read, waited, ended := time.Now(), lines.Waiting(), false
		send(func(b *stream.Batch) {
			ended = lines.Write(b, buf[:n])
			if late && !ended {
				lines.Partial(b)
			}
		})
		if !lines.Waiting() {
			o.partialAt(time.Time{})
		} else if !waited || ended {
			o.partialAt(read.Add(stream.PartialAfter))
		}
		if err != nil {
			o.r.Close()
			return
		}
		if n == len(buf) && n < readSize {
			buf = make([]byte, readSize)
		}
	}
}

// rest hands on what was in the pipe when the time was up, and no more: a process that was left behind may
// write for ever. From then on the pipe is only emptied.
func (c *Command) rest(o *output, buf []byte, hand func([]byte)) {
	for left := o.buffered(); left > 0; {
		n, err := o.readNow(buf[:min(left, len(buf))])
		hand(buf[:n])
		if err != nil || n == 0 {
			break
		}
		left -= n
	}
	c.m.leave(o.r)
}

// leave goes on reading for a process that was left behind, which would die of SIGPIPE otherwise.
func (m *Manager) leave(f *os.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		f.Close()
		return
	}
	m.left[f] = struct{}{}
	m.work.Go(func() {
		_ = f.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, f) // until its end, or Close
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.left, f)
		f.Close()
	})
}
