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
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Sandboxes is what the gateway needs to know of them. A *sandbox.Manager is
// one.
type Sandboxes interface {
	Get(id string) (*sandbox.Sandbox, error)
	Dial(ctx context.Context, id string, port int) (net.Conn, error)
}

// Config says how requests are carried. Sandboxes is required.
type Config struct {
	Sandboxes Sandboxes
	// HeaderTimeout is how long a service may take from the end of a request to
	// the beginning of its answer; then the answer is 504. It bounds what hangs,
	// such as a sandbox that is paused meanwhile. Zero: 2 minutes.
	HeaderTimeout time.Duration
	// DialTimeout is how long it may take to connect. Zero: 10 seconds.
	DialTimeout time.Duration
	Log         *slog.Logger // nil: discarded
}

// Gateway is a handler for the requests that Match recognises.
type Gateway struct {
	sandboxes Sandboxes
	proxy     *httputil.ReverseProxy
	transport *http.Transport
	log       *slog.Logger
}

// New makes a Gateway.
func New(cfg Config) *Gateway {
	if cfg.HeaderTimeout == 0 {
		cfg.HeaderTimeout = 2 * time.Minute
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{sandboxes: cfg.Sandboxes, log: cfg.Log}
	g.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
			defer cancel()
			return g.dial(ctx, address)
		},
		ResponseHeaderTimeout: cfg.HeaderTimeout,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // bodies go as they come
		MaxIdleConnsPerHost:   32,
		// Less than the 5 seconds after which common servers (Node, uvicorn) close
		// an idle connection: a request sent at that moment would be lost.
		IdleConnTimeout: 4 * time.Second,
		ReadBufferSize:  copyBuffer,
		WriteBufferSize: copyBuffer,
	}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      g.transport,
		FlushInterval:  -1, // at once
		BufferPool:     newBuffers(),
		ModifyResponse: answered,
		ErrorHandler:   g.failed,
		ErrorLog:       slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return g
}

// Close lets go of idle connections.
func (g *Gateway) Close() { g.transport.CloseIdleConnections() }

type routeKey struct{}

// carried is what a request in the gateway carries with it.
type carried struct {
	Route
	token     string // for the daemon's port
	requestID string // of our answer, unless the service has its own
}

// ServeHTTP carries a request that Match recognises.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, ok := Match(r)
	if !ok {
		httpapi.NotFound(w, r)
		return
	}
	sb, refusal := g.open(route)
	if refusal != nil {
		httpapi.WriteError(w, refusal)
		return
	}
	c := carried{Route: route, requestID: httpapi.RequestIDFrom(r.Context())}
	if route.Port == sandbox.DaemonPort {
		c.token = sb.Token
	}
	// Else net/http reads the rest of the request before it sends the answer,
	// and a service that answers while it is asked would wait for ever.
	_ = http.NewResponseController(w).EnableFullDuplex()
	// The proxy adds the service's headers to ours: it must not answer with two.
	w.Header().Del(requestIDHeader)
	// Without it net/http ends the request's body as soon as the answer begins, and the transport, which may not have
	// seen the end of it yet, gives up the connection in the middle of the answer.
	_ = http.NewResponseController(w).EnableFullDuplex()
	g.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey{}, c)))
}

const (
	requestIDHeader = "X-Request-ID"
	// Headers under it are for the lifecycle server: the API key, above all.
	ownPrefix = "Open-Sandbox-"
)

func rewrite(p *httputil.ProxyRequest) {
	c := p.In.Context().Value(routeKey{}).(carried)
	out := p.Out
	// The host is only a key for the transport's connections; the Host header
	// stays what the client sent.
	target := &url.URL{Scheme: "http", Host: net.JoinHostPort(c.Sandbox, strconv.Itoa(c.Port)), RawQuery: p.In.URL.RawQuery, ForceQuery: p.In.URL.ForceQuery}
	if strings.HasPrefix(c.Path, "//") {
		// As Opaque it would be taken for a host.
		target.Path, target.RawPath = unescaped(c.Path), c.Path
	} else {
		target.Opaque = c.Path
	}
	out.URL = target
	p.SetXForwarded()
	for name := range out.Header {
		if strings.HasPrefix(name, ownPrefix) {
			delete(out.Header, name)
		}
	}
	out.Header.Del(sandbox.TokenHeader)
	if c.token != "" {
		out.Header.Set(sandbox.TokenHeader, c.token)
	}
	// The standard library names itself as the client where none is named.
	if _, ok := p.In.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil
	}
}

func unescaped(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return plain
}

func answered(res *http.Response) error {
	c := res.Request.Context().Value(routeKey{}).(carried)
	if c.requestID != "" && res.Header.Get(requestIDHeader) == "" {
		res.Header.Set(requestIDHeader, c.requestID)
	}
	return nil
}

// unreachableError is the error of a connection that was not made.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return "connect: " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

func (g *Gateway) dial(ctx context.Context, address string) (net.Conn, error) {
	id, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	conn, err := g.sandboxes.Dial(ctx, id, port)
	if err != nil {
		return nil, &unreachableError{err}
	}
	return conn, nil
}
