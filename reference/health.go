package reference

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// Pinger is what a store or a runtime may be besides: something that can be
// asked whether it answers. One that is none is taken to.
type Pinger interface {
	Ping(ctx context.Context) error
}

// How long store and engine may take to answer, and how long what they
// answered holds: readiness takes no key, and must not become a way to keep
// them busy.
const (
	pingTimeout = 3 * time.Second
	readyHolds  = time.Second
)

// health answers GET /healthz, 200 as long as the process serves, and GET
// /readyz, 200 when store and engine answer and the server is not about to end.
type health struct {
	parts    []part
	log      *slog.Logger
	stopping atomic.Bool

	mu    sync.Mutex // held while the parts are asked: whoever asks meanwhile gets the same answer
	asked time.Time
	last  *httpapi.Error
}

type part struct {
	name string
	is   any
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/readyz" {
		if e := h.ready(r.Context()); e != nil {
			httpapi.WriteError(w, e)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

func (h *health) ready(ctx context.Context) *httpapi.Error {
	if h.stopping.Load() {
		return notReady("the server is about to end")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < readyHolds {
		return h.last
	}
	h.last = h.ask(context.WithoutCancel(ctx))
	h.asked = time.Now()
	return h.last
}

func (h *health) ask(ctx context.Context) *httpapi.Error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	for _, p := range h.parts {
		pinger, ok := p.is.(Pinger)
		if !ok {
			continue
		}
		err := pinger.Ping(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			h.log.Warn("not ready", "part", p.name, "error", err)
			return notReady("the " + p.name + " does not answer in time; the log of the server has more")
		case err != nil:
			h.log.Warn("not ready", "part", p.name, "error", err)
			return notReady("the " + p.name + " can't be used; the log of the server has the cause")
		}
	}
	return nil
}

func notReady(message string) *httpapi.Error {
	return &httpapi.Error{Status: http.StatusServiceUnavailable, Code: "NOT_READY", Message: message, Header: http.Header{"Retry-After": {"1"}}}
}
