package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestStreamsFlowInBothDirections(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		_ = rc.Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "data: %s\n\n", lines.Text())
			_ = rc.Flush()
		}
	})
	address := serve(t, boxes, 0)
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/sandboxes/box/port/8000/", in)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	for i := range 100 {
		// Each line is answered before the next is sent: nothing may wait.
		fmt.Fprintf(out, "%d\n", i)
		if got, err := events.ReadString('\n'); err != nil || got != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := events.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	_ = out.Close()
}

func TestAClientThatGoesAwayEndsTheRequestInside(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
		close(ended)
	})
	address := serve(t, boxes, 0)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, get("/sandboxes/box/port/8000/")); err != nil {
		t.Fatal(err)
	}
	<-begun
	_ = conn.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the service still works for nobody")
	}
}

func TestConnectionsCanBeUpgraded(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	})
	address := serve(t, boxes, 0)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, get("/sandboxes/box/port/8000/ws", "Connection: Upgrade", "Upgrade: websocket")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	for _, message := range []string{"ping", "\x81\x00\xff"} {
		if _, err := io.WriteString(conn, message); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(message))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != message {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestAnEmptyAnswerKeepsItsLength(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			t.Errorf("the request has length %d, want 0", r.ContentLength)
		}
		w.Header().Set("Content-Length", "0")
	})
	address := serve(t, boxes, 0)
	res := raw(t, address, "POST /sandboxes/box/port/8000/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	if res.StatusCode != 200 || res.Header.Get("Content-Length") != "0" || len(res.TransferEncoding) != 0 {
		t.Errorf("%d, length %q, %v", res.StatusCode, res.Header.Get("Content-Length"), res.TransferEncoding)
	}
}

func TestTheRequestIDOfTheServiceStays(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("X-Request-ID", "the service's")
		}
	})
	address := serve(t, boxes, 0)
	if got := raw(t, address, get("/sandboxes/box/port/8000/own")).Header.Values("X-Request-ID"); len(got) != 1 || got[0] != "the service's" {
		t.Errorf("request ids %q", got)
	}
	const id = "9f0b8c1e-2d3a-4b5c-8d7e-0f1a2b3c4d5e"
	if got := raw(t, address, get("/sandboxes/box/port/8000/", "X-Request-ID: "+id)).Header.Values("X-Request-ID"); len(got) != 1 || got[0] != id {
		t.Errorf("request ids %q", got)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	address := serve(t, boxes, 0)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/sandboxes/box/port/8000/", bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes, %v; want the %d sent", len(got), err, len(sent))
	}
}

func TestARefusalDoesNotWaitForTheUpload(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	address := serve(t, boxes, 0)
	res := raw(t, address, "POST /sandboxes/box/port/44772/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\nonly a little")
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d, want 401", res.StatusCode)
	}
}
