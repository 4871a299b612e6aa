package reach_test

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/reach"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// serve carries connections until the test ends, and gives a way to ask for a port.
func serve(t *testing.T) (ask func(port int) *net.UnixConn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ports.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := reach.Serve(l)
	t.Cleanup(s.Close)
	return func(port int) *net.UnixConn {
		t.Helper()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write(binary.BigEndian.AppendUint16(nil, uint16(port))); err != nil {
			t.Fatal(err)
		}
		return conn.(*net.UnixConn)
	}
}

func TestAConnectionIsCarriedToItsEnd(t *testing.T) {
	ask := serve(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("SKIPPED, NOT TESTED: %v", err)
		}
		served := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				served <- err
				return
			}
			defer conn.Close()
			said, err := io.ReadAll(conn) // to the end of the other half
			if err == nil {
				_, err = conn.Write(append([]byte("heard: "), said...))
			}
			served <- err
		}()
		conn := ask(l.Addr().(*net.TCPAddr).Port)
		said := strings.Repeat("x", 1<<20)
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || string(got) != string(reach.Stands)+"heard: "+said {
			t.Errorf("%s: %.20q…, %d bytes; %v", address, got, len(got), err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		l.Close()
	}
}

func TestWhyThereIsNoConnectionIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	got, err := io.ReadAll(serve(t)(port))
	if err != nil || got[0] != reach.Fails || !strings.Contains(string(got), "refused") {
		t.Errorf("%q, %v", got, err)
	}
}

// A service that never ends does not keep the daemon from ending.
func TestClosingBreaksOffWhatIsCarried(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn := serve(t)(l.Addr().(*net.TCPAddr).Port)
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}
