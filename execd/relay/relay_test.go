package relay_test

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/relay"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// answer listens at a path and says a word to the first who comes.
func answer(t *testing.T, path, word string) (done func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, word)
		conn.Close()
	}()
	return func() {
		<-over
		l.Close()
		os.Remove(path)
	}
}

func TestEachConnectionGoesToWhoeverListensNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := relay.Serve(l, path, slog.New(slog.DiscardHandler))
	defer s.Close()
	hear := func() string {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		b, _ := io.ReadAll(conn) // a reset is as good as an end
		return string(b)
	}
	for _, word := range []string{"first", "second"} {
		done := answer(t, path, word)
		if got := hear(); got != word {
			t.Errorf("heard %q, want %q", got, word)
		}
		done()
		if got := hear(); got != "" { // nobody listens
			t.Errorf("heard %q", got)
		}
	}
}

func TestCloseEndsWhatIsCarried(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	silent, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := relay.Serve(l, path, slog.New(slog.DiscardHandler))
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	far, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	s.Close()
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Error("it is carried on")
	}
}
