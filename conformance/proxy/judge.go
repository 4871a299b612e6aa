package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
)

// stillThere bounds the question whether the other side is still there.
const stillThere = 5 * time.Second

// judge judges both sides of an exchange that is over.
func (p *Proxy) judge(t *traffic) {
	x := t.exchange
	_ = json.Unmarshal(x.RequestBody, &x.Fields) // where it is no object, there are none
	breaches := contract.Request(x, t.keys)
	x.RequestBody = p.secrets.show(x)
	p.clients.add(x, breaches)
	switch {
	case x.Operation == nil:
		return // what it offers beside the documents is its own affair
	case x.Left && x.Stream == nil:
		return
	case (x.Err != nil || x.Stream != nil && x.Stream.Err != nil && !x.Left) && !p.answers(t):
		return // a sandbox that ends takes its streams with it
	}
	p.book.Judge(x)
}

// answers asks whether the other side is still there.
func (p *Proxy) answers(t *traffic) bool {
	ctx, cancel := context.WithTimeout(context.Background(), stillThere)
	defer cancel()
	op := p.lifecycle.Operation("listSandboxes")
	daemon := t.exchange.Document == p.execd
	if daemon {
		op = p.execd.Operation("ping")
	}
	// The template of the operation says how much of the path is before it.
	kept := len(strings.Split(t.path, "/")) - (len(strings.Split(t.exchange.Operation.Path, "/")) - 1)
	base := strings.Join(strings.Split(t.path, "/")[:max(1, kept)], "/")
	req, err := http.NewRequestWithContext(ctx, op.Method, t.scheme+"://"+t.host+base+op.Path, http.NoBody)
	if err != nil {
		return false
	}
	for _, name := range t.keys {
		if daemon {
			req.Header[http.CanonicalHeaderKey(name)] = t.exchange.RequestHeader.Values(name)
		}
	}
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return !daemon || res.StatusCode < http.StatusInternalServerError && res.StatusCode != http.StatusNotFound
}
