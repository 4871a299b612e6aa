package jupyter

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

const (
	// maxMessage is the most bytes that one message of a kernel may have; a print of that size is one message.
	maxMessage = 256 << 20
	maxFrames  = 1000
	// sendTimeout is how long a kernel may take to accept a message; its I/O thread does that even while code runs.
	sendTimeout = 30 * time.Second
	dialTimeout = 2 * time.Second
)

// channel is one ZMTP connection to a kernel. It is a connection and not a zmq4.Socket, whose goroutines end
// at no known time, whose queue drops nothing but may block for ever, and which trusts the lengths that a peer claims.
type channel struct {
	raw  net.Conn
	conn *zmq4.Conn
	mu   sync.Mutex // one message is sent at a time
}

// dial connects to a socket that the kernel has bound.
func dial(ctx context.Context, network, address string, kind zmq4.SocketType) (*channel, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if local := raw.LocalAddr(); network == "tcp" && local.String() == raw.RemoteAddr().String() {
		raw.Close() // TCP has met itself at a port that nobody listens on yet
		return nil, errors.New("nobody listens")
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	c, err := greet(raw, kind)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// greet does the handshake of ZMTP.
func greet(raw net.Conn, kind zmq4.SocketType) (c *channel, err error) {
	defer func() {
		if recovered := recover(); recovered != nil { // zmq4 trusts the lengths in the peer's metadata
			err = fmt.Errorf("malformed ZMTP handshake: %v", recovered)
		}
	}()
	conn, err := zmq4.Open(&guarded{Conn: raw, r: bufio.NewReaderSize(raw, 64<<10), left: greetingSize}, null.Security(), kind, nil, false, nil)
	if err != nil {
		return nil, err
	}
	c = &channel{raw: raw, conn: conn}
	if kind == zmq4.Sub {
		err = c.send([][]byte{{1}}) // subscribes to all topics
	}
	return c, err
}

func (c *channel) send(frames [][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.raw.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return c.conn.SendMsg(zmq4.NewMsgFrom(frames...))
}

// receive gives the frames of the next message. Only one goroutine may call it.
func (c *channel) receive() ([][]byte, error) {
	for {
		m, err := c.conn.RecvMsg()
		if err != nil {
			return nil, err
		}
		if m.Type == zmq4.UsrMsg {
			return m.Frames, nil
		}
	}
}

func (c *channel) close() { _ = c.raw.Close() } // its reader tells errors

const (
	greetingSize = 64 // ZMTP 3.0 (https://rfc.zeromq.org/spec/23/)
	moreFlag     = 1
	longFlag     = 2
)

var errTooLarge = errors.New("message is too large")

// guarded is a connection that looks at the frames' headers before zmq4 does, which allocates whatever length
// they claim.
type guarded struct {
	net.Conn
	r      *bufio.Reader
	left   uint64 // bytes until the next header
	size   uint64 // bytes of this message so far
	frames int    // of this message so far
}

func (g *guarded) Read(p []byte) (int, error) {
	if g.left == 0 {
		if err := g.header(); err != nil {
			return 0, err
		}
	}
	if uint64(len(p)) > g.left {
		p = p[:g.left]
	}
	n, err := g.r.Read(p)
	g.left -= uint64(n)
	return n, err
}

// header looks at the header of the next frame and leaves it to be read.
func (g *guarded) header() error {
	head, err := g.r.Peek(1)
	if err != nil {
		return err
	}
	flags, length := head[0], 2
	if flags&longFlag != 0 {
		length = 9
	}
	if head, err = g.r.Peek(length); err != nil {
		return err
	}
	size := uint64(head[1])
	if flags&longFlag != 0 {
		size = binary.BigEndian.Uint64(head[1:])
	}
	g.frames++
	if size > maxMessage || g.size+size > maxMessage || g.frames > maxFrames {
		return errTooLarge
	}
	g.left = uint64(length) + size
	g.size += size
	if flags&moreFlag == 0 {
		g.size, g.frames = 0, 0
	}
	return nil
}
