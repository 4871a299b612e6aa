package command

import (
	"context"
	"strconv"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
)

// Stream sends the events of the command. In the foreground these are its id, its output and its end: Stream
// returns when the command has ended, and ends it when ctx is done or the client has gone away. In the background
// they are its id and that it was started.
func (c *Command) Stream(ctx context.Context, s *stream.Writer) {
	if c.spec.Background {
		_ = s.Send(func(b *stream.Batch) {
			b.Text(stream.Init, []byte(c.ID))
			b.Complete(time.Since(c.Started))
		})
		return
	}
	defer context.AfterFunc(ctx, func() { c.end(gone) })()
	_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte(c.ID)) })
	c.pump(output.Sink{Stream: s, Gone: func() { c.end(gone) }})
	_ = s.Send(func(b *stream.Batch) {
		if code := c.exit.Code(); code != 0 {
			b.Error(stream.Failure{Name: "CommandExecError", Value: strconv.Itoa(code), Traceback: []string{c.exit.Reason()}})
		} else {
			b.Complete(c.exit.Took)
		}
	})
}

// pump hands on what the command writes, until its end.
func (c *Command) pump(sink output.Sink) {
	sink.Drain = &c.m.drain
	sink.Record = c.record
	c.output.Pump(sink)
	<-c.exited
	c.written.Finish()
	c.m.retire(c)
	close(c.drained)
}

func (c *Command) record(kind stream.Kind, p []byte) {
	if kind == stream.Stderr {
		c.written.Append(transcript.Stderr, p)
	} else {
		c.written.Append(transcript.Stdout, p)
	}
}
