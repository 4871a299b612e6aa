package stream_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

func TestNothingIsHeldBackOnceABatchIsSent(t *testing.T) {
	conns := make(chan net.Conn, 1)
	received := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := <-conns
		events := stream.NewWriter(r.Context(), w)
		defer events.Close()
		for _, size := range []int{1, 300_000, 5_000_000, 4 << 10, 10} {
			if err := events.Send(func(b *stream.Batch) { b.Text(stream.Stdout, []byte(strings.Repeat("x", size))) }); err != nil {
				t.Error(err)
			}
			raw, err := conn.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Error(err)
				return
			}
			_ = raw.Control(func(fd uintptr) {
				if held, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK); held != 0 || err != nil {
					t.Errorf("after %d bytes the connection holds back: %d, %v", size, held, err)
				}
			})
		}
		<-received
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		conns <- c
		return stream.ConnContext(ctx, c)
	}
	s.Start()
	defer s.Close()
	res, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	// All of the text has come while the stream is still open.
	buf := make([]byte, 64<<10)
	for left := 1 + 300_000 + 5_000_000 + 4<<10 + 10; left > 0; {
		n, err := res.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		left -= strings.Count(string(buf[:n]), "x")
	}
	close(received)
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
}
