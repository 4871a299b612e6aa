package portproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
)

func TestWebSocket(t *testing.T) {
	address, port := serve(t, 0), service(t, websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }))
	config, err := websocket.NewConfig("ws://"+address+"/proxy/"+port+"/ws?a;b", "http://example.org/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.DialContext(t.Context()); err == nil {
		t.Error("it was opened without the token")
	}
	config.Header.Set(execd.TokenHeader, token)
	ws, err := config.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	for _, sent := range []string{"ping", strings.Repeat("é", 100_000), "\x00"} {
		if err := websocket.Message.Send(ws, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		for got := ""; got != sent; {
			var part []byte
			if err := websocket.Message.Receive(ws, &part); err != nil {
				t.Fatal(err)
			}
			if got += string(part); !strings.HasPrefix(sent, got) {
				t.Fatalf("%d bytes came back changed", len(got))
			}
		}
	}
}

func TestEventsAreLive(t *testing.T) {
	next := make(chan int)
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range next {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	sendFirst := make(chan struct{})
	go func() { defer close(sendFirst); next <- 0 }()
	res := do(t.Context(), t, http.MethodGet, "http://"+serve(t, 0)+"/proxy/"+port+"/events", nil)
	<-sendFirst
	events := bufio.NewReader(res.Body)
	for n := range 50 {
		if got, err := events.ReadString('\n'); err != nil || got != fmt.Sprintf("data: %d\n", n) {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := events.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if n < 49 {
			next <- n + 1 // only once the one before has come
		}
	}
	close(next)
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestBothDirectionsAtOnce(t *testing.T) {
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_ = http.NewResponseController(w).Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
	}))
	in, out := io.Pipe()
	res := do(t.Context(), t, http.MethodPost, "http://"+serve(t, 0)+"/proxy/"+port+"/", in)
	lines := bufio.NewReader(res.Body)
	for n := range 50 {
		fmt.Fprintln(out, n)
		if got, err := lines.ReadString('\n'); err != nil || got != fmt.Sprintln(n) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	_ = out.Close()
}

// pattern is n bytes that take no memory.
func pattern(n int64) io.Reader {
	return io.LimitReader(&repeat{text: bytes.Repeat([]byte("0123456789abcde\n"), 4096)}, n)
}

type repeat struct {
	text []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func sum(r io.Reader) string {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return fmt.Sprintf("%d %x %v", n, h.Sum(nil), err)
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	const size = 64 << 20
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			_, _ = io.WriteString(w, sum(r.Body))
		case http.MethodGet:
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, pattern(size))
		}
	}))
	url, want := "http://"+serve(t, 0)+"/proxy/"+port+"/", sum(pattern(size))
	got, err := io.ReadAll(do(t.Context(), t, http.MethodPost, url, pattern(size)).Body)
	if string(got) != want {
		t.Errorf("upload: %s, %v; want %s", got, err, want)
	}
	if got := sum(do(t.Context(), t, http.MethodGet, url, nil).Body); got != want {
		t.Errorf("download: %s, want %s", got, want)
	}
}

func TestARefusalDoesNotWaitForTheUpload(t *testing.T) {
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }))
	address := serve(t, 0)
	res := raw(t, address, "POST /proxy/"+port+"/ HTTP/1.1\r\nHost: x\r\n"+key+"\r\nContent-Length: 20000000\r\n\r\nonly a little")
	if res.StatusCode != http.StatusConflict {
		t.Errorf("%d, want 409", res.StatusCode)
	}
}

func TestContinue(t *testing.T) {
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	address := serve(t, 0)
	for path, want := range map[string]int{"/yes": 200, "/no": 417} {
		conn := dialTo(t, address)
		if _, err := io.WriteString(conn, "POST /proxy/"+port+path+" HTTP/1.1\r\nHost: x\r\n"+key+"\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == 200 {
			if res.StatusCode != http.StatusContinue {
				t.Fatalf("%d before the body, want 100", res.StatusCode)
			}
			_, _ = io.WriteString(conn, "body")
			if res, err = http.ReadResponse(r, nil); err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(res.Body); string(body) != "body" {
				t.Errorf("%q", body)
			}
		}
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func TestAClientThatGoesAwayEndsTheRequestInside(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	port := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
		close(ended)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	do(ctx, t, http.MethodGet, "http://"+serve(t, 0)+"/proxy/"+port+"/", nil)
	<-begun
	cancel()
	<-ended
}

func TestTheEndOfTheDaemonBreaksOff(t *testing.T) {
	port := service(t, websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }))
	api, err := execd.New(execd.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(api)
	defer s.Close()
	ws, err := websocket.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/proxy/"+port+"/", "", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	api.Close()
	if n, err := ws.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes", n)
	}
}
