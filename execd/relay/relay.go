// Package relay gives programs in a sandbox, which know how to use a proxy at a TCP port, the one whose socket is a file.
package relay

import (
	"context"
	"log/slog"
	"net"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/duplex"
)

// Address is where programs in a sandbox find the proxy.
const Address = "127.0.0.1:3128"

// Serve begins to take connections from l, and carries each to what listens at socket at that moment: a server that is
// started again puts a new one there. It closes l in the end.
func Serve(l net.Listener, socket string, log *slog.Logger) *duplex.Server {
	return duplex.Serve(l, func(ctx context.Context, from net.Conn) {
		to, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			log.Debug("the egress proxy does not answer", "error", err)
			from.Close()
			return
		}
		duplex.Carry(ctx, from, to)
	})
}
