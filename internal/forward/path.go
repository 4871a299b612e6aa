package forward

import (
	"net/http"
	"strconv"
	"strings"
)

// RawPath is the path of a request as it came: what net/http makes of it has lost the difference between %7C and |.
func RawPath(r *http.Request) string {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		return r.URL.EscapedPath() // absolute form (RFC 9112 §3.2.2), or none that a server gets
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

// CutPort splits "PORT/path" or "PORT" into a port, 1 to 65535, and the path, which begins with a slash. Port is 0
// where there is none in this form.
func CutPort(rest string) (port int, path string) {
	text, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		text, path = rest[:i], rest[i:]
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, path
	}
	return int(n), path
}
