package mutant

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
)

// Proxy is a deployment with one fault: an http.Handler in front of a real one.
type Proxy struct {
	upstream  *url.URL
	fault     Fault
	proxy     httputil.ReverseProxy
	transport *http.Transport
	matched   atomic.Int64
	acted     atomic.Int64
}

// New puts a fault before the deployment at upstream, of which only scheme and
// host count: every path passes as it is. Close it when the server around it
// has ended.
func New(upstream *url.URL, f Fault) *Proxy {
	p := &Proxy{
		upstream: upstream,
		fault:    f,
		// No decompression and no proxy from the environment: bytes pass as they are.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32},
	}
	p.proxy = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		ModifyResponse: p.modify,
		Transport:      p.transport,
		FlushInterval:  -1, // streams pass live
		ErrorHandler:   unreachable,
		ErrorLog:       log.New(io.Discard, "", 0), // a cut is often the fault itself
	}
	return p
}

// Acted tells whether the fault changed anything yet.
func (p *Proxy) Acted() bool { return p.acted.Load() > 0 }

// Times says how often it did.
func (p *Proxy) Times() int { return int(p.acted.Load()) }

// Close lets go of the connections to the deployment that are idle.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

func (p *Proxy) act() { p.acted.Add(1) }

// exchange is what the hooks of one request share, in its context.
type exchange struct {
	matched bool
	path    string // as it came, byte for byte; empty where a hook changed it
}

type exchangeKey struct{}

// ServeHTTP passes a request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	ex := &exchange{path: path}
	r = r.Clone(context.WithValue(r.Context(), exchangeKey{}, ex))
	if p.fault.Match.request(r) {
		ex.matched = p.matched.Add(1) > int64(p.fault.Match.skip)
	}
	if ex.matched && p.fault.Answer != nil {
		p.act()
		p.fault.Answer.ServeHTTP(w, r)
		return
	}
	if ex.matched && p.fault.Request != nil {
		before := r.URL.EscapedPath()
		if err := p.fault.Request(r, p.act); err != nil {
			unreachable(w, r, err)
			return
		}
		if r.URL.EscapedPath() != before {
			ex.path = ""
		}
	}
	// Headers that net/http would add of its own stay away unless they come.
	w.Header()["Content-Type"] = nil
	w.Header()["Date"] = nil
	// Without it net/http ends the request's body when the answer begins, and the transport gives up the connection
	// where it has not seen that end yet.
	_ = http.NewResponseController(w).EnableFullDuplex()
	p.proxy.ServeHTTP(w, r)
	if ex.matched && p.fault.unsized {
		_ = http.NewResponseController(w).Flush() // else an empty body gets its length
	}
}

func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	out.Host = pr.In.Host // endpoints that a deployment makes of it stay behind the proxy
	// ReverseProxy drops query parts that it can't parse, and these headers.
	out.URL.RawQuery = pr.In.URL.RawQuery
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := pr.In.Header[h]; ok {
			out.Header[h] = v
		}
	}
	ex := pr.In.Context().Value(exchangeKey{}).(*exchange)
	// An opaque path is sent as it is; one that begins with // would become a host.
	if strings.HasPrefix(ex.path, "/") && !strings.HasPrefix(ex.path, "//") {
		out.URL.Opaque = ex.path
	}
	if ex.matched && p.fault.Response != nil {
		out.Header.Del("Accept-Encoding") // hooks read bodies
	}
}

func (p *Proxy) modify(res *http.Response) error {
	ex := res.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ex.matched || p.fault.Response == nil {
		return nil
	}
	if err := p.fault.Response(res, p.act); err != nil {
		return fmt.Errorf("apply %q: %w", p.fault.Name, err)
	}
	return nil
}

// unreachable answers where the deployment does not, or a hook failed.
func unreachable(w http.ResponseWriter, r *http.Request, err error) {
	body := jsonOf(map[string]any{"code": "BAD_GATEWAY", "message": "the deployment behind the proxy did not answer: " + err.Error()})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write(body)
}
