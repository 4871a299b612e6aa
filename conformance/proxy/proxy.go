package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Own is the path below which the proxy answers by itself; no path of a deployment begins with it.
const Own = "/__conformance/"

// daemonPort is the port of the daemon in every sandbox.
const daemonPort = 44772

// mostJudging is how many exchanges are judged at once; behind them answers wait for their end.
const mostJudging = 16

// Config says what to watch.
type Config struct {
	Upstream  *url.URL        // base URL of the lifecycle API of the deployment
	Public    string          // host and port of the proxy in endpoints; empty: those that the client asked at
	Deadlines judge.Deadlines // zero: the defaults
	Version   string          // of the tool, for the report
}

// Proxy is an http.Handler in front of a deployment. Close it when the server around it has ended.
type Proxy struct {
	cfg       Config
	base      string // path of the lifecycle API, without a slash at its end
	claim     verdict.Claim
	lifecycle *spec.Document
	execd     *spec.Document
	ballot    *verdict.Ballot
	book      *judge.Book
	secrets   *secrets
	clients   *clients
	endpoints *endpoints
	transport *http.Transport
	reverse   *httputil.ReverseProxy
	judging   *semaphore.Weighted
	began     time.Time
}

// New makes the proxy of a deployment.
func New(cfg Config) (*Proxy, error) {
	if cfg.Upstream == nil || cfg.Upstream.Host == "" || cfg.Upstream.User != nil {
		return nil, errors.New("the upstream must be a URL with a host, and without a user and password")
	}
	if strings.HasPrefix(cfg.Upstream.Path+"/", Own) {
		return nil, fmt.Errorf("the path of the upstream begins with %s, which is the proxy's own", Own)
	}
	if cfg.Deadlines == (judge.Deadlines{}) {
		cfg.Deadlines = judge.DefaultDeadlines()
	}
	lifecycle, errLifecycle := spec.Lifecycle()
	execd, errExecd := spec.Execd()
	ledger, errLedger := spec.Ledger()
	scenarios, errScenarios := conformance.Catalogue()
	if err := errors.Join(errLifecycle, errExecd, errLedger, errScenarios); err != nil {
		return nil, err
	}
	claim := verdict.Claim{
		Ledger: ledger, Operations: slices.Concat(lifecycle.Operations, execd.Operations), Scenarios: scenarios,
	}
	ballot := verdict.New(claim)
	ballot.Watch()
	for _, row := range ledger {
		if row.Aspect == "" {
			ballot.NotJudged(row.ID, "a scenario shows it, and traffic does not: see opensandbox-conformance run")
		} else {
			ballot.NotJudged(row.ID, "no traffic was about it")
		}
	}
	p := &Proxy{
		cfg: cfg, base: strings.TrimSuffix(cfg.Upstream.EscapedPath(), "/"), claim: claim, lifecycle: lifecycle, execd: execd,
		ballot: ballot, book: judge.NewBook(ledger, ballot, cfg.Deadlines), endpoints: newEndpoints(),
		judging: semaphore.NewWeighted(mostJudging), began: time.Now().UTC(),
		// No decompression and no proxy from the environment: bytes pass as they are.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 60 * time.Second},
	}
	p.secrets = &secrets{
		redactor: p.book.Redactor,
		headers:  []string{lifecycle.KeyHeader(), execd.KeyHeader(), "Authorization", "Proxy-Authorization", "Cookie"},
	}
	p.clients = &clients{redactor: p.book.Redactor}
	p.reverse = &httputil.ReverseProxy{
		Rewrite: rewrite, ModifyResponse: p.answered, Transport: p.transport, ErrorHandler: unreachable,
		FlushInterval: -1,                         // streams pass live
		ErrorLog:      log.New(io.Discard, "", 0), // what breaks off is judged, or the client's own doing
	}
	return p, nil
}

// Close lets go of the connections to the deployment that are idle.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

// ServeHTTP carries a request, and has it judged when it is over.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") {
		path = r.URL.EscapedPath() // the request was made as to a forward proxy
	}
	own, isOwn := strings.CutPrefix(path, Own)
	t := &traffic{proxy: p, client: r}
	switch {
	case !isOwn:
		t.to(p.cfg.Upstream.Scheme, p.cfg.Upstream.Host, path)
		if below, ok := strings.CutPrefix(path, p.base+"/"); ok {
			t.watch(p.lifecycle, "/"+below, p.lifecycle.KeyHeader())
		}
	case strings.HasPrefix(own, endpointPath):
		to, below, err := p.endpoints.find(strings.TrimPrefix(own, endpointPath))
		if err != nil {
			refuse(w, http.StatusNotFound, "NO_SUCH_ENDPOINT", err.Error())
			return
		}
		t.to(p.cfg.Upstream.Scheme, to.host, to.path+below)
		t.headers = to.headers
		if to.port == daemonPort {
			t.watch(p.execd, below, to.headers...)
		}
	default:
		p.report(w, r, own)
		return
	}
	defer t.finish()
	// Headers that net/http would add of its own stay away unless they come.
	w.Header()["Content-Type"] = nil
	w.Header()["Date"] = nil
	// Without it net/http ends the request's body when the answer begins.
	_ = http.NewResponseController(w).EnableFullDuplex()
	p.reverse.ServeHTTP(w, t.request())
	if t.unsized {
		_ = http.NewResponseController(w).Flush() // else an empty body gets a length that it did not have
	}
}

// rewrite sends a request on as it came.
func rewrite(pr *httputil.ProxyRequest) {
	t, out := trafficOf(pr.In), pr.Out
	out.URL.Scheme, out.URL.Host, out.Host = t.scheme, t.host, t.host
	// ReverseProxy drops query parts that it can't parse, and these headers.
	out.URL.RawQuery = pr.In.URL.RawQuery
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := pr.In.Header[h]; ok {
			out.Header[h] = v
		}
	}
	// An opaque path is sent as it is; one that begins with // would become a host.
	if strings.HasPrefix(t.path, "//") {
		out.URL.Path, out.URL.RawPath = t.path, ""
	} else {
		out.URL.Opaque = t.path
	}
	if t.exchange != nil {
		out.Header.Del("Accept-Encoding") // what is packed can't be judged
	}
}

// unreachable answers where the deployment does not: with an error body, which clients wait by.
func unreachable(w http.ResponseWriter, _ *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has gone
	}
	refuse(w, http.StatusBadGateway, "BAD_GATEWAY", "the deployment behind the proxy did not answer: "+err.Error())
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(map[string]string{"code": code, "message": message})
	if err != nil {
		panic(err) // strings are always JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
