package mutant_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

const (
	started = `{"type":"init","text":"1"}`
	line    = `{"type":"stdout","text":"a"}`
	another = `{"type":"stdout","text":"b"}`
	ended   = `{"type":"execution_complete","n":12345678901234567890}`
)

func events(texts ...string) string {
	all := ""
	for _, t := range texts {
		all += "data: " + t + "\n\n"
	}
	return all
}

var whole = events(started) + ": alive\n\n" + events(line, another, ended)

const item = `{"id":"7","n":12345678901234567890,"status":{"state":"ok"},"items":[{"a":1,"b":2},{"a":3,"b":null}]}`

// deployment is what the faults stand before.
func deployment(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/items/7":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-ID", "r1")
		_, _ = io.WriteString(w, item)
	case "GET /v1/items/8":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"NOT_FOUND","message":"no item 8"}`)
	case "POST /v1/items/7/stop":
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusAccepted)
	case "DELETE /v1/items/7":
		w.WriteHeader(http.StatusNoContent)
	case "POST /v1/run":
		w.Header().Set("Content-Type", "text/event-stream")
		for _, block := range strings.SplitAfter(whole, "\n\n") {
			_, _ = io.WriteString(w, block)
			_ = http.NewResponseController(w).Flush()
		}
	default: // what came
		body, broken := io.ReadAll(r.Body)
		message := ""
		if broken != nil {
			message = broken.Error()
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"uri": r.RequestURI, "host": r.Host, "body": string(body), "err": message,
			"length": r.ContentLength, "header": r.Header,
		})
	}
}

// before puts a fault before a deployment.
func before(t *testing.T, h http.HandlerFunc, f mutant.Fault) (*httptest.Server, *mutant.Proxy) {
	t.Helper()
	up := httptest.NewServer(h)
	t.Cleanup(up.Close)
	u, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := mutant.New(u, f)
	srv := httptest.NewServer(p)
	t.Cleanup(func() {
		srv.Close()
		p.Close()
	})
	return srv, p
}

// An answer, as it came.
type answer struct {
	status int
	header http.Header
	length int64
	body   string
	err    error // of reading the body
}

func ask(t *testing.T, srv *httptest.Server, method, target, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, res.ContentLength, string(text), err}
}

var all = []struct{ method, target string }{
	{"GET", "/v1/items/7"}, {"GET", "/v1/items/8"}, {"POST", "/v1/items/7/stop"}, {"DELETE", "/v1/items/7"}, {"POST", "/v1/run"},
}

func TestWithoutAFaultNothingChanges(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(deployment))
	defer up.Close()
	srv, p := before(t, deployment, mutant.Fault{})
	for _, op := range all {
		direct, through := ask(t, up, op.method, op.target, ""), ask(t, srv, op.method, op.target, "")
		direct.header.Del("Date")
		through.header.Del("Date")
		if fmt.Sprint(direct) != fmt.Sprint(through) {
			t.Errorf("%s %s\n direct %v\nthrough %v", op.method, op.target, direct, through)
		}
	}
	if p.Acted() {
		t.Error("acted")
	}
}

func TestTheRequestGoesOnByteForByte(t *testing.T) {
	srv, _ := before(t, deployment, mutant.Fault{})
	for _, target := range []string{
		"/v1/x?", "/v1/x?a=%zz;b&c=|", "/v1/a%2Fb/..%2f/%00/é", "/a/../b", "/v1//x", "//v1/x", "/a|b^c", "/a;b=c",
	} {
		// A client would clean the target: write the request as it is.
		got := raw(t, srv, "POST "+target+" HTTP/1.1\r\nHost: box.test\r\nConnection: close\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 2\r\n\r\nhi")
		var echo struct {
			URI, Host, Body string
			Header          http.Header
		}
		if err := json.Unmarshal([]byte(got), &echo); err != nil {
			t.Fatalf("%s: %v in %q", target, err, got)
		}
		if echo.URI != target || echo.Host != "box.test" || echo.Body != "hi" || echo.Header.Get("X-Forwarded-For") != "1.2.3.4" {
			t.Errorf("%s became %+v", target, echo)
		}
		for _, added := range []string{"User-Agent", "Accept-Encoding"} {
			if _, ok := echo.Header[added]; ok {
				t.Errorf("%s was added", added)
			}
		}
	}
}

func raw(t *testing.T, srv *httptest.Server, request string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

func TestADeploymentThatIsNotThereIsA502WithAnErrorBody(t *testing.T) {
	up := httptest.NewServer(nil)
	u, _ := url.Parse(up.URL)
	up.Close()
	srv := httptest.NewServer(mutant.New(u, mutant.Fault{}))
	defer srv.Close()
	got := ask(t, srv, "GET", "/v1/items/7", "")
	var body map[string]string
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 502 || body["code"] == "" || body["message"] == "" {
		t.Errorf("%+v", got)
	}
}

func TestAStreamPassesLive(t *testing.T) {
	for _, f := range []mutant.Fault{
		{}, mutant.DropEvent(mutant.Any(), "execution_complete"), mutant.BareFraming(mutant.Any()), mutant.AppendText(mutant.Any(), "x"),
		mutant.LineEnds(mutant.Any(), "\r\n"), mutant.Trickle(mutant.Any(), 1), mutant.SwapOrder(mutant.Any(), "a", "b"),
	} {
		t.Run(f.Name, func(t *testing.T) {
			next := make(chan string)
			srv, _ := before(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_ = http.NewResponseController(w).Flush()
				for block := range next {
					_, _ = io.WriteString(w, block)
					_ = http.NewResponseController(w).Flush()
				}
			}, f)
			res, err := srv.Client().Post(srv.URL+"/v1/run", "", nil) // the header came before any event
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			in := bufio.NewReader(res.Body)
			for _, text := range []string{started, line} {
				next <- events(text)
				got := ""
				for !strings.HasSuffix(got, text) { // returns only if it isn't held back
					b, err := in.ReadByte()
					if err != nil {
						t.Fatal(err)
					}
					got += string(b)
				}
			}
			close(next)
		})
	}
}

func TestAClientThatGoesAwayEndsTheRequestBehind(t *testing.T) {
	gone := make(chan struct{})
	srv, _ := before(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, events(started))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}, mutant.DropEvent(mutant.Any(), "x"))
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, nil)
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	cancel()
	<-gone
}

func TestAStreamThatIsHeldBackComesWhenItHasEnded(t *testing.T) {
	got := make(chan struct{})
	srv, p := before(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, events(started, line))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-got:
			t.Error("an event came before the end")
		case <-time.After(50 * time.Millisecond): // long for a loopback
		}
	}, mutant.Buffered(mutant.Any()))
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	if _, err := in.ReadByte(); err != nil {
		t.Fatal(err)
	}
	close(got)
	if rest, err := io.ReadAll(in); err != nil || "d"+string(rest) != events(started, line) || !p.Acted() {
		t.Errorf("%q, %v, acted %v", rest, err, p.Acted())
	}
}
