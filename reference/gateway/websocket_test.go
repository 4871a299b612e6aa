package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// socket is a service that answers each message with itself until the client closes, and tells how that ended.
func socket(t *testing.T, ended chan<- error) *sandboxes {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols: []string{"v2.echo"}, OriginPatterns: []string{"*"}, CompressionMode: websocket.CompressionContextTakeover,
		})
		if err != nil {
			ended <- err
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				ended <- err
				return
			}
			if string(message) == "bye" {
				ended <- c.Close(4001, "as asked")
				return
			}
			if err := c.Write(r.Context(), kind, message); err != nil {
				ended <- err
				return
			}
		}
	})
}

func dialSocket(t *testing.T, address string) *websocket.Conn {
	t.Helper()
	c, res, err := websocket.Dial(t.Context(), "ws://"+address+"/sandboxes/box/port/8000/ws?a;b", &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Subprotocols: []string{"v1.echo", "v2.echo"}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != "v2.echo" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	if res.Header.Get("X-Request-ID") == "" {
		t.Error("no request id on the upgrade")
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func TestWebSocketsCarryMessagesAndCloseCodes(t *testing.T) {
	ended := make(chan error, 1)
	c := dialSocket(t, serve(t, socket(t, ended), 0))
	for _, m := range []struct {
		kind    websocket.MessageType
		message []byte
	}{
		{websocket.MessageText, []byte("hello")},
		{websocket.MessageText, []byte{}},
		{websocket.MessageBinary, []byte{0, 0xff, '\n', 0x88}},
		{websocket.MessageBinary, bytes.Repeat([]byte("0123456789"), 300_000)},
	} {
		if err := c.Write(t.Context(), m.kind, m.message); err != nil {
			t.Fatal(err)
		}
		kind, got, err := c.Read(t.Context())
		if err != nil || kind != m.kind || !bytes.Equal(got, m.message) {
			t.Fatalf("%v, %d bytes, %v; want the %d sent", kind, len(got), err, len(m.message))
		}
	}
	if err := c.Write(t.Context(), websocket.MessageText, []byte("bye")); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.Read(t.Context())
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		t.Fatalf("%v, want a close frame", err)
	}
	if diff := cmp.Diff(websocket.CloseError{Code: 4001, Reason: "as asked"}, closed); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	if err := <-ended; err != nil {
		t.Errorf("the service's close: %v", err)
	}
}

func TestWebSocketPingsReachTheService(t *testing.T) {
	ended := make(chan error, 1)
	c := dialSocket(t, serve(t, socket(t, ended), 0))
	read := c.CloseRead(t.Context()) // who pings has to read
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		t.Error(err)
	}
	_ = c.Close(websocket.StatusNormalClosure, "done")
	<-read.Done()
	if err := <-ended; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("the service saw %v, want a normal closure", err)
	}
}

func TestAWebSocketWhoseClientGoesAwayEndsInside(t *testing.T) {
	ended := make(chan error, 1)
	c := dialSocket(t, serve(t, socket(t, ended), 0))
	_ = c.CloseNow()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the service saw a close frame that nobody sent")
		}
	case <-time.After(10 * time.Second):
		t.Error("the service still waits for a client that is gone")
	}
}

func TestAWebSocketWhoseServiceGoesAwayEndsOutside(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"v2.echo"}}); err == nil {
			_, _, _ = c.Read(r.Context())
			_ = c.CloseNow()
		}
	})
	c := dialSocket(t, serve(t, boxes, 0))
	if err := c.Write(t.Context(), websocket.MessageText, []byte("die")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("%v, want a connection that is over", err)
	}
}

// An upgrade that the service refuses is an answer like any other.
func TestAWebSocketThatIsRefused(t *testing.T) {
	boxes := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not for you", http.StatusForbidden)
	})
	res := raw(t, serve(t, boxes, 0), get("/sandboxes/box/port/8000/ws", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%d, want 403", res.StatusCode)
	}
}
