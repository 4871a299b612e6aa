// Package loopback connects to what listens on a port of this machine.
package loopback

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// Dial connects to a port. Programs that listen on "localhost" have taken ::1 at times, and only that.
func Dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.ECONNREFUSED) {
		if six, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
			return six, nil
		}
	}
	return conn, err
}
