// Package gateway carries requests to ports inside sandboxes. Path, query and
// body reach the service byte for byte, in both directions nothing is held
// back, and connections can be upgraded (WebSocket).
//
// It asks for no API key, and passes none on: for the daemon's port the
// sandbox's own token takes the place of whatever came.
package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/forward"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Sandboxes is what the gateway needs to know of them. A *sandbox.Manager is
// one.
type Sandboxes interface {
	// Started returns a sandbox once it is Pending no more, or when the wait is over.
	Started(ctx context.Context, id string, wait time.Duration) (*sandbox.Sandbox, error)
	Dial(ctx context.Context, id string, port int) (net.Conn, error)
}

// Config says how requests are carried. Sandboxes is required.
type Config struct {
	Sandboxes Sandboxes
	// HeaderTimeout is how long a service may take from the end of a request to
	// the beginning of its answer, and how long it may take none of what is sent
	// to it; then the answer is 504. It bounds what hangs, such as a sandbox that
	// is paused meanwhile. Zero: 2 minutes.
	HeaderTimeout time.Duration
	// DialTimeout is how long it may take to connect. Zero: 10 seconds, or the
	// HeaderTimeout where that is shorter.
	DialTimeout time.Duration
	// PendingWait is how long a request waits for a sandbox that is not there
	// yet, before it is told to come again. Zero: 1 second.
	PendingWait time.Duration
	Log         *slog.Logger // nil: discarded
}

// Gateway is a handler for the requests that Match recognises.
type Gateway struct {
	sandboxes Sandboxes
	wait      time.Duration
	proxy     *forward.Proxy
}

// New makes a Gateway.
func New(cfg Config) *Gateway {
	if cfg.PendingWait == 0 {
		cfg.PendingWait = time.Second
	}
	return &Gateway{sandboxes: cfg.Sandboxes, wait: cfg.PendingWait, proxy: forward.New(forward.Config{
		Dial:          cfg.Sandboxes.Dial,
		HeaderTimeout: cfg.HeaderTimeout,
		DialTimeout:   cfg.DialTimeout,
		TokenHeader:   sandbox.TokenHeader,
		Log:           cfg.Log,
	})}
}

// Carried is how many requests and upgraded connections are carried now.
func (g *Gateway) Carried() int { return g.proxy.Carried() }

// Drain waits until nothing is carried, or for the end of ctx, whose error it
// returns then.
func (g *Gateway) Drain(ctx context.Context) error { return g.proxy.Drain(ctx) }

// Close breaks off what is still carried and lets go of idle connections.
func (g *Gateway) Close() { g.proxy.Close() }

// ServeHTTP carries a request that Match recognises.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, ok := Match(r)
	if !ok {
		httpapi.NotFound(w, r)
		return
	}
	sb, refusal := g.open(r.Context(), route)
	if refusal != nil {
		httpapi.WriteError(w, refusal)
		return
	}
	to := forward.Target{Place: route.Sandbox, Port: route.Port, Path: route.Path}
	if route.Port == sandbox.DaemonPort {
		to.Token = sb.Token
	}
	g.proxy.Serve(w, r, to)
}
