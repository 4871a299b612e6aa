package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

func TestWhatWasAnsweredIsObserved(t *testing.T) {
	type answer struct {
		path   string
		status int
	}
	answers, begun := make(chan answer, 10), make(chan struct{})
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/made":
			w.WriteHeader(http.StatusCreated)
		case "/hints":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		case "/upgraded":
			w.WriteHeader(http.StatusSwitchingProtocols)
		case "/gone":
			close(begun)
			<-r.Context().Done()
		case "/panic":
			panic("on purpose")
		}
	}), httpapi.Config{Observe: func(r *http.Request, status int, _ time.Duration) { answers <- answer{r.URL.Path, status} }})
	for _, want := range []answer{{"/", 200}, {"/made", 201}, {"/upgraded", 101}, {"/panic", 500}, {"/hints", 202}} {
		raw(t, s, "GET "+want.path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false)
		if got := <-answers; got != want {
			t.Errorf("observed %v, want %v", got, want)
		}
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /gone HTTP/1.1\r\nHost: h\r\n\r\n")
	<-begun
	_ = conn.Close()
	if got := <-answers; got != (answer{"/gone", 499}) {
		t.Errorf("observed %v, want 499 for a client that went away", got)
	}
}

// Who has no key is refused for that, and is not asked about; who is not admitted reaches nothing.
func TestOnlyWhoHasAKeyIsAskedAbout(t *testing.T) {
	asked := ""
	s, _ := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") }), httpapi.Config{
		KeyHeader: "Key", Keys: []string{"right"},
		Admit: func(key string) *httpapi.Error {
			asked += key + ";"
			return httpapi.Errorf(http.StatusTooManyRequests, "RATE_LIMITED", "later")
		},
	})
	for headers, want := range map[string]int{"": 401, "Key: wrong\r\n": 401, "Key: right\r\n": 429} {
		if res, body := raw(t, s, "GET /?%zz HTTP/1.1\r\nHost: h\r\n"+headers+"\r\n", false); res.StatusCode != want {
			t.Errorf("%q: %d %s, want %d", headers, res.StatusCode, body, want)
		}
	}
	if asked != "right;" {
		t.Errorf("asked about %q", asked)
	}
}
