// Package reference is the lifecycle server: it answers the operations of the
// lifecycle YAML, runs sandboxes through a runtime, and carries requests to
// the ports inside them.
//
// The rules live in package sandbox, what runs sandboxes behind package
// runtime. This package puts them together and translates between them and
// HTTP.
package reference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/docs"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/limit"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Config says what a Server is made of. Store and Runtime are required, and
// belong to the caller, who closes them after the Server.
type Config struct {
	Store   sandbox.Store
	Runtime runtime.Runtime
	Clock   sandbox.Clock // nil: the machine's
	Log     *slog.Logger  // nil: discarded

	Keys          []string // API keys that are taken; none: open to anyone
	PublicAddress string   // see API.PublicAddress

	ManualCleanup bool          // see sandbox.Config
	MaxTimeout    time.Duration // see sandbox.Config
	Retention     time.Duration // see sandbox.Config

	HeaderTimeout time.Duration // see gateway.Config

	MaxBody int64                                                  // see HandlerConfig
	Limit   *limit.Keys                                            // see HandlerConfig
	Observe func(operation string, status int, took time.Duration) // see HandlerConfig
}

// Server is a lifecycle server without a listener: its Handler goes into an
// http.Server.
type Server struct {
	sandboxes *sandbox.Manager
	gateway   *gateway.Gateway
	health    *health
	handler   http.Handler
}

// New loads the sandboxes of the store. Nothing happens to them before Start.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Runtime == nil {
		return nil, errors.New("reference: a Server needs a store and a runtime")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	manager, err := sandbox.New(ctx, sandbox.Config{
		Store: cfg.Store, Runtime: cfg.Runtime, Clock: cfg.Clock, Log: cfg.Log,
		ManualCleanup: cfg.ManualCleanup, MaxTimeout: cfg.MaxTimeout, Retention: cfg.Retention,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		sandboxes: manager,
		gateway:   gateway.New(gateway.Config{Sandboxes: manager, HeaderTimeout: cfg.HeaderTimeout, Log: cfg.Log}),
		health:    &health{parts: []part{{"store", cfg.Store}, {"runtime", cfg.Runtime}}, log: cfg.Log},
	}
	s.handler, err = NewHandler(HandlerConfig{
		API:     &API{Sandboxes: manager, PublicAddress: cfg.PublicAddress},
		Gateway: s.gateway,
		Keys:    cfg.Keys,
		Log:     cfg.Log,
		Health:  s.health,
		Docs:    docs.Handler(),
		MaxBody: cfg.MaxBody, Limit: cfg.Limit, Observe: cfg.Observe,
	})
	if err != nil {
		return nil, fmt.Errorf("make the handler: %w", err)
	}
	return s, nil
}

// Handler answers all requests of the server.
func (s *Server) Handler() http.Handler { return s.handler }

// Health answers /healthz and /readyz, as the Handler does, for a second
// address.
func (s *Server) Health() http.Handler { return s.health }

// Sandboxes counts the sandboxes in each state.
func (s *Server) Sandboxes() map[sandbox.State]int { return s.sandboxes.Count() }

// Carried is how many requests and upgraded connections the gateway carries.
func (s *Server) Carried() int { return s.gateway.Carried() }

// Start takes over what the last server on the same store left, and begins to
// end what runs out of time. Serve requests after it returned.
func (s *Server) Start(ctx context.Context) error { return s.sandboxes.Start(ctx) }

// Stopping lets /readyz say that the server is about to end.
func (s *Server) Stopping() { s.health.stopping.Store(true) }

// Drain waits until the gateway carries nothing, upgraded connections included,
// or for the end of ctx, whose error it returns then. An http.Server does not
// wait for those.
func (s *Server) Drain(ctx context.Context) error { return s.gateway.Drain(ctx) }

// Close finishes what was begun until ctx ends, and then breaks it off.
// Sandboxes live on. Call it when no more requests come.
func (s *Server) Close(ctx context.Context) {
	s.sandboxes.Close(ctx)
	s.gateway.Close()
}
