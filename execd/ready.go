package execd

import (
	"log/slog"
	"net"
	"strconv"
	"sync"
)

// ready is a loopback port that closes what connects: clients take it for the sign that code can be run.
type ready struct {
	listener net.Listener // nil: there is none
	serving  sync.WaitGroup
}

// listenReady opens the port; 0 is none. A port that can't be had is no reason not to serve.
func listenReady(log *slog.Logger, port int) *ready {
	r := &ready{}
	if port == 0 {
		return r
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		log.Info("clients that look for the code port will not find it", "error", err)
		return r
	}
	r.listener = l
	r.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed; or nothing that waiting would mend
			}
			conn.Close()
		}
	})
	return r
}

func (r *ready) close() {
	if r.listener != nil {
		r.listener.Close()
	}
	r.serving.Wait()
}
