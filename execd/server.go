// Package execd is the daemon inside a sandbox: an HTTP handler for the operations of spec/execd-api.yaml.
// The handlers translate between HTTP and the packages below it, which do the work; no rule lives here.
package execd

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/driver"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/metrics"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/portproxy"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

const (
	// TokenHeader carries the token.
	TokenHeader = "X-EXECD-ACCESS-TOKEN"
	// maxJSONBody leaves room for code and for texts to replace.
	maxJSONBody = 8 << 20
)

// Config is what a Server needs. The zero value serves anyone.
type Config struct {
	Log   *slog.Logger // nil: slog.Default()
	Token string       // what callers must send in TokenHeader; "": anyone may call
	Env   []string     // of commands; nil: os.Environ()
	Root  string       // directory for what the daemon keeps, made when it is first needed; "": execd in os.TempDir()
	// HeaderTimeout is how long a service behind /proxy/PORT/ may take to begin its answer; 0: a minute.
	HeaderTimeout time.Duration
	Keep          Keep // how much of what commands write
	// CodePort is a loopback port that is open once code can be run, for clients that wait for that; 0: none.
	CodePort int
	// PreferKernels lets a Jupyter kernel of the image serve a language that the daemon has a driver for too.
	PreferKernels bool
}

// Keep bounds what is kept of commands for those who ask later.
type Keep struct {
	Output  int64 // bytes of what one command writes, the newest; 0: 64 MiB
	Total   int64 // bytes of what all commands that have ended wrote, the newest; 0: 256 MiB
	Endings int   // commands that have ended whose status is kept, the newest; 0: 1000
}

// Server serves the API. It owns everything that its callers start.
type Server struct {
	http.Handler
	h     *handler
	ports *portproxy.Handler
	ready *ready
}

// New makes a Server. The caller must Close it.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Root == "" {
		c.Root = filepath.Join(os.TempDir(), "execd")
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return nil, err
	}
	c.Root = root
	if c.Env == nil {
		c.Env = os.Environ()
	}
	h := &handler{
		commands: command.NewManager(command.Config{
			Log: c.Log, Env: c.Env, Dir: filepath.Join(c.Root, "commands"),
			Output: c.Keep.Output, Total: c.Keep.Total, Keep: c.Keep.Endings,
		}),
		code:     code.NewManager(code.Config{Log: c.Log, Languages: languages(c)}),
		metrics:  metrics.New(metrics.Config{}),
		sessions: session.NewManager(session.Config{Log: c.Log, Env: c.Env, Dir: filepath.Join(c.Root, "sessions")}),
	}
	api, err := execdapi.NewServer(h, h,
		execdapi.WithErrorHandler(httpapi.OgenErrorHandler(c.Log)),
		execdapi.WithNotFound(httpapi.NotFound),
		execdapi.WithMethodNotAllowed(httpapi.MethodNotAllowed))
	if err != nil {
		return nil, err
	}
	chain := httpapi.Config{
		Log:         c.Log,
		AccessLevel: slog.LevelDebug, // its log is the sandbox's log too
		KeyHeader:   TokenHeader,
		MaxJSONBody: maxJSONBody,
		KeyOnly:     portproxy.Match,
	}
	if c.Token != "" {
		chain.Keys = []string{c.Token}
	}
	ports := portproxy.New(portproxy.Config{HeaderTimeout: c.HeaderTimeout, TokenHeader: TokenHeader, Log: c.Log})
	return &Server{httpapi.Wrap(route(api, ports), chain), h, ports, listenReady(c.Log, c.CodePort)}, nil
}

// route puts the ports of the sandbox in front of the API: they are in no document.
func route(api, ports http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if portproxy.Match(r) {
			ports.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// languages are those that code may be in: the daemon's own drivers and the kernels of the image. Of two with one name
// the first that the image has wins.
func languages(c Config) func() []code.Language {
	drivers := driver.Languages(c.Env)
	return func() []code.Language {
		kernels, err := jupyter.Discover(jupyter.Config{Log: c.Log, Env: c.Env, Root: filepath.Join(c.Root, "k")})
		if err != nil {
			c.Log.Warn("kernels can't be looked for", "error", err)
		}
		if c.PreferKernels {
			return slices.Concat(kernels, drivers)
		}
		return slices.Concat(drivers, kernels)
	}
}

// Close ends what is still running, within some seconds. Streams end with what they show.
func (s *Server) Close() {
	s.ready.close()
	s.ports.Close()
	s.h.metrics.Close()
	var all sync.WaitGroup // each takes its time to end what runs
	all.Go(s.h.code.Close)
	all.Go(s.h.commands.Close)
	all.Go(s.h.sessions.Close)
	all.Wait()
}
