package gateway

import (
	"net/http"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/forward"
)

// Route is where a request to the gateway goes.
type Route struct {
	Sandbox string // the id as it stands in the path
	Port    int    // 1 to 65535; 0: what stands in the path is none
	Path    string // what the service gets, byte for byte; begins with a slash
}

// Match reads a request's path. It reports false for a request that is not the
// gateway's: anything but /sandboxes/ID/port/PORT, /sandboxes/ID/proxy/PORT,
// and what lies under them, at the root and under /v1.
func Match(r *http.Request) (Route, bool) {
	path := strings.TrimPrefix(forward.RawPath(r), "/v1")
	path, ok := strings.CutPrefix(path, "/sandboxes/")
	if !ok {
		return Route{}, false
	}
	id, path, ok := strings.Cut(path, "/")
	if !ok || id == "" {
		return Route{}, false
	}
	verb, path, ok := strings.Cut(path, "/")
	if !ok || verb != "port" && verb != "proxy" {
		return Route{}, false
	}
	port, rest := forward.CutPort(path)
	return Route{Sandbox: id, Port: port, Path: rest}, true
}
