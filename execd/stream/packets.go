package stream

import (
	"context"
	"net"

	"golang.org/x/sys/unix"
)

// packetSize is from which on a write is worth holding its packets together, in bytes: that much net/http sends in one.
const packetSize = 4 << 10

type connKey struct{}

// ConnContext is for http.Server: with it a large batch goes out in whole packets. Without it net/http sends a chunk's
// beginning, its content and its end apart, and the client is woken for each.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if tcp, ok := c.(*net.TCPConn); ok {
		return context.WithValue(ctx, connKey{}, tcp)
	}
	return ctx
}

// hold makes the kernel wait for whole packets (TCP_CORK, tcp(7)), or send what is there.
func (s *Writer) hold(on bool) {
	if s.conn == nil || s.held == on {
		return
	}
	s.held = on
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return // closed: the next write says it
	}
	value := 0
	if on {
		value = 1
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, value) }) // as fast as without, where it fails
}
