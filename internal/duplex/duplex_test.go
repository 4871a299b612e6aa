package duplex_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/duplex"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// pair is both ends of a connection.
func pair(t *testing.T) (near, far *net.UnixConn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return dialed.(*net.UnixConn), accepted.(*net.UnixConn)
}

// carry begins to carry, and gives the outer ends; done is closed when it is over.
func carry(t *testing.T, ctx context.Context) (client, server *net.UnixConn, done <-chan struct{}) { //nolint:revive // as of testing
	t.Helper()
	client, near := pair(t)
	far, server := pair(t)
	over := make(chan struct{})
	go func() {
		duplex.Carry(ctx, near, far)
		close(over)
	}()
	return client, server, over
}

func say(t *testing.T, to io.Writer, what string) {
	t.Helper()
	if _, err := io.WriteString(to, what); err != nil {
		t.Error(err)
	}
}

func hear(t *testing.T, from io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(from, b); err != nil || string(b) != want {
		t.Errorf("heard %q, %v", b, err)
	}
}

func TestBothDirectionsAreCarried(t *testing.T) {
	client, server, done := carry(t, t.Context())
	say(t, client, "question")
	hear(t, server, "question")
	say(t, server, "answer")
	hear(t, client, "answer")
	client.Close()
	hear(t, server, "")
	server.Close()
	<-done
}

func TestAClientThatHasSaidAllIsAnswered(t *testing.T) {
	client, server, done := carry(t, t.Context())
	say(t, client, "question")
	client.CloseWrite()
	if b, err := io.ReadAll(server); err != nil || string(b) != "question" {
		t.Errorf("heard %q, %v", b, err)
	}
	say(t, server, "answer")
	server.Close()
	if b, err := io.ReadAll(client); err != nil || string(b) != "answer" {
		t.Errorf("heard %q, %v", b, err)
	}
	<-done
}

func TestItEndsWithItsServer(t *testing.T) {
	client, server, done := carry(t, t.Context())
	say(t, server, "bye")
	server.CloseWrite()
	<-done // though the client says nothing
	if b, err := io.ReadAll(client); err != nil || string(b) != "bye" {
		t.Errorf("heard %q, %v", b, err)
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, _, done := carry(t, ctx)
	cancel()
	<-done
}
