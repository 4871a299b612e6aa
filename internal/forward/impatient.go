package forward

import (
	"net"
	"time"
)

// impatient is a connection to a service that may not stop taking what is sent to it, and whose answers' heads are kept. The kernel of a sandbox that is
// paused takes bytes until its buffers are full, and then none, and says nothing.
type impatient struct {
	net.Conn
	patience time.Duration // for one Write, which is at most copyBuffer bytes
	head     head          // of the answer that is coming in
}

func (c *impatient) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.head.saw(p[:n])
	return n, err
}

func (c *impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
