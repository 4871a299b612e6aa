package proxy

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// traffic is one request on its way, and what is kept of it and its answer.
type traffic struct {
	proxy              *Proxy
	client             *http.Request
	scheme, host, path string   // where it goes, the path byte for byte
	headers            []string // that its endpoint came with
	keys               []string // that it has to carry
	exchange           *exchange.Exchange
	began              time.Time
	sent               *recorder
	answer             *watched // nil: there was none
	unsized            bool     // the answer has no length
}

type trafficKey struct{}

func trafficOf(r *http.Request) *traffic { return r.Context().Value(trafficKey{}).(*traffic) }

func (t *traffic) to(scheme, host, path string) { t.scheme, t.host, t.path = scheme, host, path }

// watch has the request judged, by a document in which it asks for path.
func (t *traffic) watch(doc *spec.Document, path string, keys ...string) {
	r := t.client
	t.proxy.secrets.ofRequest(r, keys)
	op, _ := doc.Match(r.Method, path)
	t.keys = keys
	t.exchange = &exchange.Exchange{
		Document: doc, Operation: op, Method: r.Method, URL: t.scheme + "://" + t.host + t.path,
		RequestHeader: r.Header.Clone(), ContentLength: -1,
	}
	if r.URL.RawQuery != "" {
		t.exchange.URL += "?" + r.URL.RawQuery
	}
}

// request is the client's own, with a body of which something is kept.
func (t *traffic) request() *http.Request {
	t.began = time.Now()
	r := t.client.WithContext(context.WithValue(t.client.Context(), trafficKey{}, t))
	if t.exchange != nil && r.Body != nil && r.Body != http.NoBody {
		t.sent = &recorder{ReadCloser: r.Body, most: exchange.MaxBody}
		r.Body = t.sent
	}
	return r
}

// answered takes the head of an answer, and watches its body.
func (p *Proxy) answered(res *http.Response) error {
	t := trafficOf(res.Request)
	t.unsized = res.ContentLength < 0
	x := t.exchange
	if x == nil || res.StatusCode == http.StatusSwitchingProtocols {
		t.exchange = nil
		return nil
	}
	x.Answered, x.Proto, x.Status, x.Header = time.Now(), res.Proto, res.StatusCode, res.Header.Clone()
	x.ContentLength, x.Encoding = res.ContentLength, res.TransferEncoding
	t.answer = watch(t, res.Body)
	res.Body = t.answer
	p.redirect(res, t.client.Host)
	if x.Operation != nil && x.Operation.ID == "getSandboxEndpoint" && x.Status == http.StatusOK {
		return p.replaceEndpoint(res, t)
	}
	return nil
}

// redirect makes the place of a new sandbox one behind the proxy, where it names a host.
func (p *Proxy) redirect(res *http.Response, host string) {
	place := res.Header.Get("Location")
	here := p.cfg.Upstream.Scheme + "://" + p.cfg.Upstream.Host
	if rest, found := strings.CutPrefix(place, here); found && (rest == "" || rest[0] == '/') {
		res.Header.Set("Location", "http://"+p.public(host)+rest)
	}
}

// public is the address of the proxy for a client that asked at a host.
func (p *Proxy) public(host string) string {
	if p.cfg.Public != "" {
		return p.cfg.Public
	}
	return host
}

// finish has the exchange judged, once the client has all of it.
func (t *traffic) finish() {
	if t.exchange == nil {
		return
	}
	t.gather()
	p := t.proxy
	// Judging goes on behind the client's back, but not without bound.
	if p.judging.Acquire(context.Background(), 1) != nil {
		return // it never fails without a deadline
	}
	go func() {
		defer p.judging.Release(1)
		p.judge(t)
	}()
}

// gather puts what was recorded into the exchange.
func (t *traffic) gather() {
	x := t.exchange
	x.Began, x.Ended = t.began, time.Now()
	if t.sent != nil {
		var ended time.Time
		x.RequestBody, x.RequestCut, ended = t.sent.kept()
		if ended.After(x.Began) && (x.Answered.IsZero() || ended.Before(x.Answered)) {
			x.Began = ended // how long the client took to ask is its own affair
		}
	}
	if t.answer != nil {
		t.answer.gather(x)
	}
}
