package gateway

import (
	"net/http"
	"strconv"
	"strings"
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
	path := strings.TrimPrefix(rawPath(r), "/v1")
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
	port, rest := path, "/"
	if i := strings.IndexByte(path, '/'); i >= 0 {
		port, rest = path[:i], path[i:]
	}
	return Route{Sandbox: id, Port: parsePort(port), Path: rest}, true
}

// rawPath is the path as it came: what net/http makes of it has lost the
// difference between %7C and |.
func rawPath(r *http.Request) string {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		return r.URL.EscapedPath() // absolute form (RFC 9112 §3.2.2), or none that a server gets
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

func parsePort(text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0
	}
	return int(n)
}
