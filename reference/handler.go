package reference

import (
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	lifecycleapi "github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/limit"
)

// KeyHeader carries the API key (security scheme of the lifecycle YAML).
const KeyHeader = "OPEN-SANDBOX-API-KEY"

// basePath is the path of the YAML's server URL.
const basePath = "/v1"

// HandlerConfig says what a server's handler is made of. API and Gateway are
// required.
type HandlerConfig struct {
	API     lifecycleapi.Handler
	Gateway http.Handler // gets the requests that gateway.Match recognises
	Keys    []string     // API keys that are taken; none: open to anyone
	Log     *slog.Logger // nil: discarded

	// Health answers /healthz and /readyz, and Docs what is at and under /docs:
	// neither takes a key. Nil: there is nothing there.
	Health, Docs http.Handler

	// MaxBody is how long the body of an operation may be, in bytes. Zero: 1 MiB.
	MaxBody int64
	// Limit says for each key how many operations it may ask for. Nil: any number.
	Limit *limit.Keys
	// Observe is told of each request that was answered: the operationId, or
	// OperationGateway or OperationOther. Nil: nobody.
	Observe func(operation string, status int, took time.Duration)
}

// What HandlerConfig.Observe calls requests that are for none of the YAML's
// operations.
const (
	OperationGateway = "gateway" // to a port inside a sandbox
	OperationOther   = "other"
)

// NewHandler puts together what answers a server's requests: the operations of
// the YAML under /v1, and the gateway, which takes no key.
func NewHandler(cfg HandlerConfig) (http.Handler, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	operations, err := lifecycleapi.NewServer(cfg.API,
		lifecycleapi.WithPathPrefix(basePath),
		lifecycleapi.WithErrorHandler(httpapi.OgenErrorHandler(cfg.Log)),
		lifecycleapi.WithNotFound(httpapi.NotFound),
		lifecycleapi.WithMethodNotAllowed(httpapi.MethodNotAllowed),
	)
	if err != nil {
		return nil, err
	}
	api := httpapi.Wrap(route(operations), httpapi.Config{
		Log: cfg.Log, AccessLevel: slog.LevelInfo,
		KeyHeader: KeyHeader, Keys: cfg.Keys, RequestID: true,
		MaxJSONBody: cfg.MaxBody, Admit: cfg.admit(), Observe: cfg.observe(operations),
		// Nothing outside the API has anything to guard.
		Passthrough: func(r *http.Request) bool { return !underBasePath(r) || isReport(r) },
	})
	proxied := httpapi.Wrap(cfg.Gateway, httpapi.Config{
		Log: cfg.Log, AccessLevel: slog.LevelDebug, RequestID: true,
		Passthrough: func(*http.Request) bool { return true },
		Observe:     cfg.observe(nil),
	})
	beside := httpapi.Wrap(http.HandlerFunc(cfg.serveBeside), httpapi.Config{
		Log: cfg.Log, AccessLevel: slog.LevelDebug, RequestID: true,
		Passthrough: func(*http.Request) bool { return true },
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cfg.beside(r) != nil {
			beside.ServeHTTP(w, r)
			return
		}
		if _, ok := gateway.Match(r); ok {
			proxied.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	}), nil
}

// beside finds what answers a request that is neither for the API nor for the
// gateway; nil: nothing does.
func (cfg *HandlerConfig) beside(r *http.Request) http.Handler {
	switch path := r.URL.Path; {
	case path == "/healthz" || path == "/readyz":
		return cfg.Health
	case path == "/docs" || strings.HasPrefix(path, "/docs/"):
		return cfg.Docs
	default:
		return nil
	}
}

func (cfg *HandlerConfig) serveBeside(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		httpapi.MethodNotAllowed(w, r, "GET, HEAD")
		return
	}
	cfg.beside(r).ServeHTTP(w, r)
}

func (cfg *HandlerConfig) admit() func(string) *httpapi.Error {
	if cfg.Limit == nil {
		return nil
	}
	return func(key string) *httpapi.Error {
		wait, ok := cfg.Limit.Admit(key, time.Now())
		if ok {
			return nil
		}
		seconds := int(math.Ceil(wait.Seconds()))
		e := httpapi.Errorf(http.StatusTooManyRequests, "RATE_LIMITED", "this key sends requests faster than the server allows; send the next one in %d s", seconds)
		e.Header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
		return e
	}
}

// observe is for requests to operations; nil: to the gateway.
func (cfg *HandlerConfig) observe(operations *lifecycleapi.Server) func(*http.Request, int, time.Duration) {
	if cfg.Observe == nil {
		return nil
	}
	return func(r *http.Request, status int, took time.Duration) {
		operation := OperationGateway
		if operations != nil {
			operation = OperationOther
			if found, ok := operations.FindPath(r.Method, r.URL); ok {
				operation = found.OperationID()
			}
		}
		cfg.Observe(operation, status, took)
	}
}

func route(operations http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isReport(r):
			operations.ServeHTTP(w, r)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusNoContent)
		default:
			httpapi.MethodNotAllowed(w, r, http.MethodPost)
		}
	})
}

func underBasePath(r *http.Request) bool {
	return r.URL.Path == basePath || strings.HasPrefix(r.URL.Path, basePath+"/")
}

// isReport recognises what clients send after each create, ignoring the
// answer: it is not in the YAML, and is thrown away.
func isReport(r *http.Request) bool { return r.URL.Path == basePath+"/metrics/events" }
