package reference

import (
	"log/slog"
	"net/http"
	"strings"

	lifecycleapi "github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
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
}

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
		// Nothing outside the API has anything to guard.
		Passthrough: func(r *http.Request) bool { return !underBasePath(r) || isReport(r) },
	})
	proxied := httpapi.Wrap(cfg.Gateway, httpapi.Config{
		Log: cfg.Log, AccessLevel: slog.LevelDebug, RequestID: true,
		Passthrough: func(*http.Request) bool { return true },
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := gateway.Match(r); ok {
			proxied.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	}), nil
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
