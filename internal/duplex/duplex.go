// Package duplex carries a connection that somebody made on over one that was made for it, in both directions.
package duplex

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// Linger is how long a server may say nothing once its client has ended its own half; a client that left altogether
// looks the same.
const Linger = time.Minute

// Carry copies between a client and a server until the server has ended, either of them breaks, ctx ends, or the server
// says nothing for Linger after the client's end. It closes both.
func Carry(ctx context.Context, client, server net.Conn) {
	closeBoth := func() {
		client.Close()
		server.Close()
	}
	defer closeBoth()
	defer context.AfterFunc(ctx, closeBoth)()

	answers := &patient{Conn: server}
	var up sync.WaitGroup
	up.Go(func() {
		if _, err := io.Copy(server, client); err != nil {
			closeBoth()
			return
		}
		if half, ok := server.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			answers.hurry()
			return
		}
		closeBoth()
	})
	_, _ = io.Copy(client, answers) // however it ended, it has
	closeBoth()
	up.Wait()
}

// patient is a connection to read from, without bounds at first.
type patient struct {
	net.Conn
	mu      sync.Mutex
	hurried bool
}

func (p *patient) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurried = true
	_ = p.SetReadDeadline(time.Now().Add(Linger)) // a closed one needs none
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	p.mu.Lock()
	if p.hurried {
		_ = p.SetReadDeadline(time.Now().Add(Linger))
	}
	p.mu.Unlock()
	return p.Conn.Read(b)
}
