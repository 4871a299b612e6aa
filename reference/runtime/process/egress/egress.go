// Package egress is the only way out of sandboxes that have no network but their own: a proxy for HTTP and CONNECT which
// leads to the world, and never to the machine that it runs on.
package egress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"time"
)

// Config says how the proxy reaches the world. Its zero value is good.
type Config struct {
	Log *slog.Logger // nil: discarded
	// Resolve looks up the addresses of a name. nil: as the machine does.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to an address that was checked. nil: over TCP.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Own lists the addresses of this machine at this moment. nil: those of its interfaces.
	Own func() ([]netip.Addr, error)
	// Refuse lists what is refused besides.
	Refuse []netip.Prefix
}

// Proxy serves sandboxes.
type Proxy struct {
	Config
	server    *http.Server
	transport *http.Transport
	forward   *httputil.ReverseProxy
	open      context.Context // done when the Proxy is closed
	stop      context.CancelFunc

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup
}

const (
	// headerTime is how long a client may take for the head of a request.
	headerTime = 30 * time.Second
	// dialTime is how long it may take to connect, all addresses of a name together.
	dialTime = 30 * time.Second
	// idleTime is how long connections of either side are kept that nobody uses.
	idleTime = 90 * time.Second
)

// New makes a Proxy; the caller must Close it.
func New(c Config) *Proxy {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Resolve == nil {
		c.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to.String())
		}
	}
	if c.Own == nil {
		c.Own = ownAddresses
	}
	p := &Proxy{Config: c}
	p.open, p.stop = context.WithCancel(context.Background())
	p.transport = &http.Transport{
		DialContext:           func(ctx context.Context, _, address string) (net.Conn, error) { return p.dial(ctx, address) },
		DisableCompression:    true, // bodies go as they come
		MaxIdleConns:          64,
		IdleConnTimeout:       idleTime,
		ExpectContinueTimeout: time.Second,
	}
	errorLog := slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.RawQuery = r.In.URL.RawQuery // also what net/url can't read
			r.Out.Header.Del("Proxy-Connection")
			if _, said := r.In.Header["User-Agent"]; !said {
				r.Out.Header["User-Agent"] = nil
			}
		},
		Transport:     p.transport,
		FlushInterval: -1,
		ErrorLog:      errorLog,
		ErrorHandler:  p.fail,
	}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		BaseContext:       func(net.Listener) context.Context { return p.open },
		ErrorLog:          errorLog,
	}
	return p
}

// Serve takes connections of sandboxes until the listener or the Proxy is closed; after Close the error is
// http.ErrServerClosed. It closes the listener.
func (p *Proxy) Serve(l net.Listener) error { return p.server.Serve(l) }

// Close breaks off all that is carried, and returns when nothing is left of it.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	_ = p.server.Close() // of listeners, which need nothing more
	p.handlers.Wait()
	p.transport.CloseIdleConnections()
}

func (p *Proxy) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.handlers.Add(1)
	}
	return !p.closed
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		return
	}
	defer p.handlers.Done()
	switch {
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	case r.URL.Scheme == "http" && r.URL.Host != "":
		p.forward.ServeHTTP(w, r)
	default:
		refuse(w, http.StatusBadRequest, "this is a proxy: it takes CONNECT, and requests whose target begins with http://")
	}
}

// fail answers where there is nothing to pass on.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		status = http.StatusForbidden
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	p.Log.DebugContext(r.Context(), "egress failed", "host", r.URL.Host, "error", err)
	refuse(w, status, err.Error())
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "egress proxy: "+message+"\n") //nolint:gosec // plain text; who asked may have left
}
