package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/proxy"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// Secrets that no report holds.
const (
	key   = "c4nary-k3y"
	token = "c4nary-t0ken"
	value = "c4nary-value-of-an-environment"
)

// deployment is a server with one sandbox, whose endpoints are paths of its own; handlers change what it answers.
type deployment struct {
	*httptest.Server
	handlers map[string]http.HandlerFunc // METHOD and path
	asked    chan string                 // request targets, as on the wire
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{handlers: map[string]http.HandlerFunc{}, asked: make(chan string, 100)}
	d.handlers["GET /v1/sandboxes/1/endpoints/44772"] = d.endpoint("/at/1/44772/")
	d.handlers["GET /v1/sandboxes/1/endpoints/8000"] = d.endpoint("/at/1/8000")
	d.handlers["GET /v1/sandboxes/1"] = text(200, `{"id":"1","status":{"state":"Running"},"createdAt":"2026-11-25T09:30:00Z","entrypoint":["sh"]}`)
	d.handlers["GET /at/1/44772/ping"] = text(200, "")
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case d.asked <- r.RequestURI:
		default:
		}
		w.Header().Set("X-Request-ID", "0f8fad5b-d9cb-469f-a165-70867728950e")
		if handler := d.handlers[r.Method+" "+r.URL.Path]; handler != nil {
			handler(w, r)
			return
		}
		text(404, `{"code":"NOT_FOUND","message":"there is nothing here"}`)(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *deployment) endpoint(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text(200, fmt.Sprintf(`{"endpoint":%q,"headers":{"X-EXECD-ACCESS-TOKEN":%q}}`, r.Host+path, token))(w, r)
	}
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if body != "" {
			w.Header().Set("Content-Type", "application/json")
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// watcher is a proxy before a deployment, and a client of it.
type watcher struct {
	*proxy.Proxy
	t      *testing.T
	url    string
	server *httptest.Server
}

func watch(t *testing.T, d *deployment) *watcher {
	t.Helper()
	upstream, err := url.Parse(d.URL + "/v1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Upstream: upstream})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		p.Close()
	})
	return &watcher{Proxy: p, t: t, url: server.URL, server: server}
}

// ask makes a request of a client that sends key and token.
func (w *watcher) ask(method, url, body string) *http.Response {
	w.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = w.url + url
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("OPEN-SANDBOX-API-KEY", key)
	req.Header.Set("X-EXECD-ACCESS-TOKEN", token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	return res
}

// said is ask, with the answer's body.
func (w *watcher) said(method, url, body string) string {
	w.t.Helper()
	data, err := io.ReadAll(w.ask(method, url, body).Body)
	if err != nil {
		w.t.Error(err)
	}
	return string(data)
}

// findings ends the proxy, which waits for what is under way, and returns what it found on both sides.
func (w *watcher) findings() (found, client []string, r *report.Report) {
	w.t.Helper()
	w.server.Close()
	r, err := w.Report(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		w.t.Error(err)
	}
	var out bytes.Buffer
	for _, write := range []func(io.Writer) error{r.WriteJSON, r.WriteHTML, r.WriteMarkdown, r.WriteJUnit, r.WriteText} {
		if err := write(&out); err != nil {
			w.t.Error(err)
		}
	}
	if i := strings.Index(out.String(), "c4nary"); i >= 0 {
		w.t.Errorf("a report holds a secret: %s", out.String()[max(0, i-200):min(i+200, out.Len())])
	}
	for _, f := range r.Findings {
		found = append(found, f.Requirement+" "+f.Message)
	}
	for _, f := range r.Client.Findings {
		client = append(client, f.Operation+" "+f.Message)
	}
	return found, client, r
}
