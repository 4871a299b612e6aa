// Package execd is the daemon inside a sandbox: an HTTP handler for the operations of spec/execd-api.yaml.
// The handlers translate between HTTP and the packages below it, which do the work; no rule lives here.
package execd

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
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
	Keep  Keep         // how much of that
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
	commands *command.Manager
	sessions *session.Manager
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
	h := &handler{commands: command.NewManager(command.Config{
		Log: c.Log, Env: c.Env, Dir: filepath.Join(root, "commands"),
		Output: c.Keep.Output, Total: c.Keep.Total, Keep: c.Keep.Endings,
	})}
	h.sessions = session.NewManager(session.Config{Log: c.Log, Env: c.Env, Dir: filepath.Join(root, "sessions")})
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
	}
	if c.Token != "" {
		chain.Keys = []string{c.Token}
	}
	return &Server{httpapi.Wrap(api, chain), h.commands, h.sessions}, nil
}

// Close ends what is still running, within some seconds. Streams end with what they show.
func (s *Server) Close() {
	var both sync.WaitGroup
	both.Go(s.commands.Close)
	both.Go(s.sessions.Close)
	both.Wait()
}
