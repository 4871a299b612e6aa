// Package relay gives programs in a sandbox, which know how to use a proxy at a TCP port, the one whose socket is a file.
package relay

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/duplex"
)

// Address is where programs in a sandbox find the proxy.
const Address = "127.0.0.1:3128"

// Server carries connections until it is closed.
type Server struct {
	listener net.Listener
	socket   string
	log      *slog.Logger
	ctx      context.Context
	stop     context.CancelFunc
	carried  sync.WaitGroup
}

// Serve begins to take connections from l, and carries each to what listens at socket at that moment: a server that is
// started again puts a new one there. It closes l in the end.
func Serve(l net.Listener, socket string, log *slog.Logger) *Server {
	s := &Server{listener: l, socket: socket, log: log}
	s.ctx, s.stop = context.WithCancel(context.Background())
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
	to, err := new(net.Dialer).DialContext(s.ctx, "unix", s.socket)
	if err != nil {
		s.log.Debug("the egress proxy does not answer", "error", err)
		from.Close()
		return
	}
	duplex.Carry(s.ctx, from, to)
}
