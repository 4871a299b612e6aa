// Package outage stands between clients and a server, and can take the way
// between them away for a while, as an engine does that restarts.
package outage

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// Way leads from a listener of its own to a server.
type Way struct {
	network, address string

	dial func(context.Context) (net.Conn, error)

	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil: cut
	conns    map[net.Conn]bool
}

// Open listens on a network, unix or tcp. dial connects to the server.
func Open(network, address string, dial func(context.Context) (net.Conn, error)) (*Way, error) {
	w := &Way{network: network, address: address, dial: dial, conns: map[net.Conn]bool{}}
	w.ctx, w.stop = context.WithCancel(context.Background())
	if err := w.Mend(); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// Host is the value of DOCKER_HOST that leads here.
func (w *Way) Host() string { return w.network + "://" + w.address }

// Mend lets clients through again.
func (w *Way) Mend() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		return nil
	}
	if w.network == "unix" {
		_ = os.Remove(w.address)
	}
	l, err := new(net.ListenConfig).Listen(w.ctx, w.network, w.address)
	if err != nil {
		return fmt.Errorf("open a way: %w", err)
	}
	w.listener, w.address = l, l.Addr().String()
	w.all.Go(func() { w.accept(l) })
	return nil
}

// Cut breaks all connections, and refuses new ones until Mend.
func (w *Way) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == nil {
		return
	}
	_ = w.listener.Close()
	w.listener = nil
	for conn := range w.conns {
		_ = conn.Close()
	}
}

// Close cuts for good, and returns when nothing is left.
func (w *Way) Close() {
	w.stop()
	w.Cut()
	w.all.Wait()
}

func (w *Way) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		w.all.Go(func() { w.carry(l, client) })
	}
}

func (w *Way) carry(l net.Listener, client net.Conn) {
	defer client.Close()
	server, err := w.dial(w.ctx)
	if err != nil {
		return
	}
	defer server.Close()
	if !w.enter(l, client, server) {
		return
	}
	defer w.leave(client, server)
	var both sync.WaitGroup
	both.Go(func() { pump(server, client) })
	both.Go(func() { pump(client, server) })
	both.Wait()
}

// enter notes connections to be broken by Cut, unless it came already.
func (w *Way) enter(l net.Listener, conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != l {
		return false
	}
	for _, conn := range conns {
		w.conns[conn] = true
	}
	return true
}

func (w *Way) leave(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range conns {
		delete(w.conns, conn)
	}
}

// pump copies one direction, and passes its end on.
func pump(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok {
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = half.CloseWrite()
}
