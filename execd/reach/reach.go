// Package reach carries connections from the server to ports of the sandbox, where the sandbox has a network of its
// own that the server has no way into but a socket that it handed down. The socket has no name inside: nothing in the
// sandbox can connect to it, and what can is led to the sandbox's own loopback address only.
//
// A connection begins with the port, two bytes, highest first. The answer is a plus sign once the connection stands,
// or a minus sign and why there is none; then both sides carry on as they like.
package reach

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Stands and Fails begin the answers.
const (
	Stands = '+'
	Fails  = '-'
)

// askTime is how long a caller may take to name the port.
const askTime = 10 * time.Second

// Server carries connections until it is closed.
type Server struct {
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	carried  sync.WaitGroup
}

// Serve begins to take connections from l, which it closes in the end.
func Serve(l net.Listener) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{listener: l, ctx: ctx, stop: stop}
	s.carried.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			s.carried.Go(func() { s.carry(conn) })
		}
	})
	return s
}

// Close breaks off what is carried.
func (s *Server) Close() {
	s.stop()
	s.listener.Close()
	s.carried.Wait()
}

func (s *Server) carry(from net.Conn) {
	defer from.Close()
	defer context.AfterFunc(s.ctx, func() { from.Close() })()
	_ = from.SetReadDeadline(time.Now().Add(askTime)) // closed: the read fails
	var port [2]byte
	if _, err := io.ReadFull(from, port[:]); err != nil {
		return
	}
	_ = from.SetReadDeadline(time.Time{})
	to, err := dial(s.ctx, int(binary.BigEndian.Uint16(port[:])))
	if err != nil {
		_, _ = io.WriteString(from, string(Fails)+err.Error()) // who asked may have left
		return
	}
	defer to.Close()
	defer context.AfterFunc(s.ctx, func() { to.Close() })()
	if _, err := from.Write([]byte{Stands}); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(to, from) })
	both.Go(func() { pass(from, to) })
	both.Wait()
}

// pass copies until from ends, and ends the other's incoming half. Where it can't go on, neither side can.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may be closed altogether
	}
}

// dial connects to what listens on either loopback address.
func dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.ECONNREFUSED) {
		if six, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
			return six, nil
		}
	}
	return conn, err
}
