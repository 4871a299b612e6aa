// Package forward carries requests to services that listen on ports: path, query and body byte for byte, nothing held
// back in either direction, connections upgraded where both ends want it. What may be carried, and where to, is its
// callers' business.
package forward

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// Config says how requests are carried. Dial is required.
type Config struct {
	// Dial connects to a port of a place, as Target has them.
	Dial func(ctx context.Context, place string, port int) (net.Conn, error)
	// HeaderTimeout is how long a service may take from the end of a request to the beginning of its answer, and how long
	// it may take none of what is sent to it; then the answer is 504. It bounds what hangs. Zero: 2 minutes.
	HeaderTimeout time.Duration
	// DialTimeout is how long it may take to connect. Zero: 10 seconds, or the HeaderTimeout where that is shorter.
	DialTimeout time.Duration
	// TokenHeader carries the daemon's token. It is never passed on; see Target.
	TokenHeader string
	// KeepForwarded passes on who the caller says the client is (X-Forwarded-For, -Host, -Proto), for callers that are
	// trusted; without it, and where they say nothing, the caller is the client.
	KeepForwarded bool
	Log           *slog.Logger // nil: discarded
}

// Target is where one request goes.
type Target struct {
	Place string // what Dial takes; not empty
	Port  int    // 1 to 65535
	Path  string // what the service gets, byte for byte; begins with a slash
	Token string // sent in the TokenHeader; "": none
}

// Proxy carries requests.
type Proxy struct {
	Config
	proxy     *httputil.ReverseProxy
	transport *http.Transport
	open      context.Context // done when the Proxy is closed
	close     context.CancelFunc
	tally     tally
}

// New makes a Proxy; the caller must Close it.
func New(c Config) *Proxy {
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = 2 * time.Minute
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = min(10*time.Second, c.HeaderTimeout)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{Config: c}
	p.open, p.close = context.WithCancel(context.Background())
	p.transport = &http.Transport{
		DialContext:           p.dial,
		ResponseHeaderTimeout: c.HeaderTimeout,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // bodies go as they come
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   32,
		// Less than the 5 seconds after which common servers (Node, uvicorn) close an idle connection: a request sent at
		// that moment would be lost.
		IdleConnTimeout: 4 * time.Second,
		ReadBufferSize:  copyBuffer,
		WriteBufferSize: copyBuffer,
	}
	p.proxy = &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p.transport,
		FlushInterval:  -1, // at once
		BufferPool:     newBuffers(),
		ModifyResponse: answered,
		ErrorHandler:   p.failed,
		ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	return p
}

// Carried is how many requests and upgraded connections are carried now.
func (p *Proxy) Carried() int { return p.tally.count() }

// Drain waits until nothing is carried, or for the end of ctx, whose error it returns then.
func (p *Proxy) Drain(ctx context.Context) error { return p.tally.wait(ctx) }

// Close breaks off what is still carried and lets go of idle connections.
func (p *Proxy) Close() {
	p.close()
	p.transport.CloseIdleConnections()
}

type carriedKey struct{}

// carried is what a request carries with it.
type carried struct {
	Target
	requestID string // of our answer, unless the service has its own
	head      *head  // of the answer; nil until there is a connection
}

// got is told which connection a request takes; it may be told again, of a better one.
func (c *carried) got(info httptrace.GotConnInfo) {
	if conn, ok := info.Conn.(*impatient); ok {
		conn.head.reset()
		c.head = &conn.head
	}
}

// Serve carries a request to its target and answers it.
func (p *Proxy) Serve(w http.ResponseWriter, r *http.Request, to Target) {
	c := &carried{Target: to, requestID: httpapi.RequestIDFrom(r.Context())}
	// The proxy adds the service's headers to ours: it must not answer with two.
	w.Header().Del(requestIDHeader)
	// Else net/http reads the rest of the request before it sends the answer, and a service that answers while it is
	// asked would wait for ever; and it ends the request's body as soon as the answer begins, so that the transport, which
	// may not have seen the end of it yet, would give up the connection in the middle of the answer.
	_ = http.NewResponseController(w).EnableFullDuplex()
	ctx := httptrace.WithClientTrace(context.WithValue(r.Context(), carriedKey{}, c), &httptrace.ClientTrace{GotConn: c.got})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.open, cancel)()
	p.tally.enter()
	defer p.tally.leave()
	p.proxy.ServeHTTP(w, r.WithContext(ctx))
}

const (
	requestIDHeader = "X-Request-ID"
	// Headers under it are for the lifecycle server: the API key, above all.
	ownPrefix = "Open-Sandbox-"
)

var forwardedHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	c := r.In.Context().Value(carriedKey{}).(*carried)
	out := r.Out
	out.URL = c.url(r.In.URL)
	out.Trailer = r.In.Trailer // filled when the body has been read: a copy would stay empty
	if p.KeepForwarded && slices.ContainsFunc(forwardedHeaders, func(name string) bool { return r.In.Header.Get(name) != "" }) {
		for _, name := range forwardedHeaders {
			if values, ok := r.In.Header[name]; ok {
				out.Header[name] = values
			}
		}
	} else {
		r.SetXForwarded()
	}
	for name := range out.Header {
		if strings.HasPrefix(name, ownPrefix) {
			delete(out.Header, name)
		}
	}
	out.Header.Del(p.TokenHeader)
	if c.Token != "" {
		out.Header.Set(p.TokenHeader, c.Token)
	}
	// The standard library names itself as the client where none is named.
	if _, ok := r.In.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil
	}
}

// url keeps path and query as they came. The host is only a key for the transport's connections; the Host header stays
// what the client sent.
func (t Target) url(in *url.URL) *url.URL {
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(t.Place, strconv.Itoa(t.Port)), RawQuery: in.RawQuery, ForceQuery: in.ForceQuery}
	if !strings.HasPrefix(t.Path, "//") {
		u.Opaque = t.Path
		return u
	}
	u.Path, u.RawPath = t.Path, t.Path // as Opaque it would be taken for a host
	if plain, err := url.PathUnescape(t.Path); err == nil {
		u.Path = plain
	}
	return u
}

func answered(res *http.Response) error {
	c := res.Request.Context().Value(carriedKey{}).(*carried)
	dropConnectionHeaders(res, c.head)
	if c.requestID != "" && res.Header.Get(requestIDHeader) == "" {
		res.Header.Set(requestIDHeader, c.requestID)
	}
	return nil
}

func (p *Proxy) dial(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.DialTimeout)
	defer cancel()
	place, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	conn, err := p.Dial(ctx, place, port)
	if err != nil {
		return nil, &unreachableError{err}
	}
	return &impatient{Conn: conn, patience: p.HeaderTimeout}, nil
}
