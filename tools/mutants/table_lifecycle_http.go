package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
)

// decorateHTTP is the type of Mutant.HTTP.
type decorateHTTP = func(next http.Handler, act func()) http.Handler

// asked is a decorator that handles every request.
func asked(handle func(w http.ResponseWriter, r *http.Request, next http.Handler, act func())) decorateHTTP {
	return func(next http.Handler, act func()) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, next, act) })
	}
}

var lifecyclePaths = regexp.MustCompile(`^/v1/sandboxes(/[^/]+(/(pause|resume|renew-expiration|metadata|endpoints/[^/]+))?)?$`)

// lifecyclePath says that a path is one of the API's.
func lifecyclePath(r *http.Request) bool { return lifecyclePaths.MatchString(r.URL.Path) }

// isCreate says that a request asks for a sandbox.
func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/v1/sandboxes"
}

// hasKey says that a request has the right key.
func hasKey(r *http.Request) bool { return r.Header.Get(reference.KeyHeader) == apiKey }

// withKey is the same request with the right key.
func withKey(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set(reference.KeyHeader, apiKey)
	return r
}

// bodyOf reads the body of a request and puts it back.
func bodyOf(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // what came is passed on
	r.Body.Close()
	return body
}

// withBody is the same request with another body.
func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return r
}

// jsonObject is a JSON object, nil if the text is none.
func jsonObject(text []byte) map[string]any {
	var o map[string]any
	if json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

// member is a property that is an object, nil if it is none.
func member(o map[string]any, name string) map[string]any {
	p, _ := o[name].(map[string]any)
	return p
}

// ask is the answer to a request that has no stream.
func ask(next http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	return rec
}

// tell sends an answer on.
func tell(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Length") != "" {
		w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// tellObject sends an answer on with another JSON object.
func tellObject(w http.ResponseWriter, rec *httptest.ResponseRecorder, o map[string]any) {
	text, err := json.Marshal(o)
	if err == nil {
		rec.Body = bytes.NewBuffer(text)
	}
	tell(w, rec)
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, code, message string) {
	httpapi.WriteError(w, httpapi.Errorf(status, code, "%s", message))
}

var gatewayPrefix = regexp.MustCompile(`^(/v1)?/sandboxes/[^/]+/(port|proxy)/[^/?]+`)

// carries changes the path and the query, as they stand in the request, on the way to a service in a sandbox.
func carries(change func(path, query string) (string, string)) decorateHTTP {
	return asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if _, ok := gateway.Match(r); !ok {
			next.ServeHTTP(w, r)
			return
		}
		prefix := gatewayPrefix.FindString(r.RequestURI)
		before, query := cutTarget(r.RequestURI[len(prefix):])
		path, query := change(before, query)
		if target := prefix + path + query; target != r.RequestURI {
			if u, err := url.ParseRequestURI(target); err == nil {
				act()
				r = r.Clone(r.Context())
				r.RequestURI, r.URL = target, u
			}
		}
		next.ServeHTTP(w, r)
	})
}

// cutTarget parts a target; its query begins with a question mark, if there is one.
func cutTarget(target string) (path, query string) {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i], target[i:]
		}
	}
	return target, ""
}

// onPort says that a request goes to a port in a sandbox.
func onPort(r *http.Request, port int) bool {
	route, ok := gateway.Match(r)
	return ok && route.Port == port
}
