// Package docs serves the two documents of the API, as they are and rendered
// for reading by Redoc, which is embedded: a page loads nothing from elsewhere.
//
// renew-redoc fetches another version of Redoc.
package docs

import (
	"bytes"
	"embed"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

//go:embed lifecycle.html execd.html page.js page.css redoc.standalone.js redoc-LICENSE.txt redoc-NOTICES.txt
var files embed.FS

// policy lets a page load from this server only. Redoc styles by <style>, and
// searches in a worker that it makes from its own text.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Handler answers GET /docs and what lies under it.
func Handler() http.Handler {
	pages := map[string]page{
		"/docs":                       embedded("lifecycle.html", "text/html; charset=utf-8"),
		"/docs/execd":                 embedded("execd.html", "text/html; charset=utf-8"),
		"/docs/page.js":               embedded("page.js", "text/javascript; charset=utf-8"),
		"/docs/page.css":              embedded("page.css", "text/css; charset=utf-8"),
		"/docs/redoc.standalone.js":   embedded("redoc.standalone.js", "text/javascript; charset=utf-8"),
		"/docs/redoc-LICENSE.txt":     embedded("redoc-LICENSE.txt", "text/plain; charset=utf-8"),
		"/docs/redoc-NOTICES.txt":     embedded("redoc-NOTICES.txt", "text/plain; charset=utf-8"),
		"/docs/" + spec.LifecycleFile: document(spec.LifecycleFile),
		"/docs/" + spec.ExecdFile:     document(spec.ExecdFile),
	}
	pages["/docs/"] = pages["/docs"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := pages[r.URL.Path]
		if !ok {
			httpapi.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", p.kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.text))
	})
}

type page struct {
	kind string // media type
	text []byte
}

func embedded(name, kind string) page {
	text, err := files.ReadFile(name)
	if err != nil { // it is embedded, or this does not compile
		panic(err)
	}
	return page{kind, text}
}

// document is one of the YAML documents (RFC 9512).
func document(name string) page {
	text, err := spec.Source(name)
	if err != nil {
		panic(err)
	}
	return page{"application/yaml", text}
}
