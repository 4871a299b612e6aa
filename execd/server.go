// Package execd is the daemon inside a sandbox: an HTTP handler for the operations of spec/execd-api.yaml.
// The handlers translate between HTTP and the packages below it, which do the work; no rule lives here.
package execd

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/driver"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
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
	// CodePort is a loopback port that is open once code can be run, for clients that wait for that; 0: none.
	CodePort int
}

// Server serves the API. It owns everything that its callers start.
type Server struct {
	http.Handler
	commands *command.Manager
	code     *code.Manager
	ready    *ready
}

// New makes a Server. The caller must Close it.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Root == "" {
		c.Root = filepath.Join(os.TempDir(), "execd")
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	h := &handler{
		commands: command.NewManager(command.Config{Log: c.Log, Env: c.Env}),
		code:     code.NewManager(code.Config{Log: c.Log, Languages: languages(c)}),
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
	}
	if c.Token != "" {
		chain.Keys = []string{c.Token}
	}
	return &Server{httpapi.Wrap(api, chain), h.commands, h.code, listenReady(c.Log, c.CodePort)}, nil
}

// languages are those that code may be in; of two with one name the first that the image has wins.
func languages(c Config) []code.Language {
	return driver.Languages(c.Env)
}

// Close ends what is still running, within some seconds. Streams end with what they show.
func (s *Server) Close() {
	s.ready.close()
	s.code.Close()
	s.commands.Close()
}
