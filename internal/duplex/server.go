package duplex

import (
	"context"
	"net"
	"sync"
)

// Server carries the connections of a listener until it is closed.
type Server struct {
	listener net.Listener
	stop     context.CancelFunc
	carried  sync.WaitGroup
}

// Serve begins to take connections from l, which it closes in the end, and has carry see each of them through: carry
// closes it, and ends with its context.
func Serve(l net.Listener, carry func(ctx context.Context, from net.Conn)) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{listener: l, stop: stop}
	s.carried.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			s.carried.Go(func() { carry(ctx, conn) })
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
