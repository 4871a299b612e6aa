// Package portproxy carries requests to services that listen inside the sandbox: /proxy/PORT/… reaches 127.0.0.1:PORT,
// byte for byte and with nothing held back, WebSocket and streams too. Who may do so is asked before it.
package portproxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/loopback"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/forward"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

const prefix = "/proxy/"

// Config says how requests are carried.
type Config struct {
	// HeaderTimeout is how long a service may take from the end of a request to the beginning of its answer; then the
	// answer is 504. Zero: a minute.
	HeaderTimeout time.Duration
	// TokenHeader carries the daemon's token, which no service gets to see.
	TokenHeader string
	Log         *slog.Logger // nil: discarded
}

// Handler carries the requests that Match recognises.
type Handler struct{ proxy *forward.Proxy }

// New makes a Handler; the caller must Close it.
func New(c Config) *Handler {
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = time.Minute
	}
	return &Handler{forward.New(forward.Config{
		Dial:          func(ctx context.Context, _ string, port int) (net.Conn, error) { return loopback.Dial(ctx, port) },
		HeaderTimeout: c.HeaderTimeout,
		TokenHeader:   c.TokenHeader,
		KeepForwarded: true, // who has the token may say for whom it asks
		Log:           c.Log,
	})}
}

// Close breaks off what is still carried and lets go of idle connections.
func (h *Handler) Close() { h.proxy.Close() }

// Match tells whether a request is to be carried: its path lies under /proxy/.
func Match(r *http.Request) bool { return strings.HasPrefix(forward.RawPath(r), prefix) }

// ServeHTTP carries a request that Match recognises.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(forward.RawPath(r), prefix)
	if !ok {
		httpapi.NotFound(w, r)
		return
	}
	port, path := forward.CutPort(rest)
	if port == 0 {
		httpapi.WriteError(w, httpapi.Errorf(http.StatusBadRequest, "INVALID_PORT", "the path needs a port from 1 to 65535, as in /proxy/8000/"))
		return
	}
	h.proxy.Serve(w, r, forward.Target{Place: "localhost", Port: port, Path: path})
}
