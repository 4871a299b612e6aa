package jupyter_test

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
)

const ready = "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"

var greeting = "\xff" + strings.Repeat("\x00", 8) + "\x7f\x03\x00NULL" + strings.Repeat("\x00", 16+32)

func long(flags byte, size uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte{flags}, size))
}

// A kernel is code of the sandbox: what it sends must never end the daemon.
func TestWhatAPeerSends(t *testing.T) {
	for _, c := range []struct {
		name, sends string
		want        []string // nil: an error
	}{
		{"message", greeting + ready + "\x01\x01a\x00\x02bc", []string{"a", "bc"}},
		{"long frame", greeting + ready + long(2, 300) + strings.Repeat("x", 300), []string{strings.Repeat("x", 300)}},
		{"empty frames", greeting + ready + "\x01\x00\x00\x00", []string{"", ""}},
		{"command before it", greeting + ready + "\x04\x05\x04PING\x00\x01a", []string{"a"}},
		{"nothing", "", nil},
		{"no greeting", strings.Repeat("x", 64), nil},
		{"half a greeting", greeting[:20], nil},
		{"no handshake", greeting, nil},
		{"empty command", greeting + "\x04\x00", nil},
		{"lying metadata", greeting + "\x04\x08\x05READY\xff\xff", nil},
		{"lying value", greeting + "\x04\x0d\x05READY\x01a\xff\xff\xff\xff", nil},
		{"wrong kind of socket", greeting + strings.Replace(ready, "PUB", "REP", 1), nil},
		{"huge handshake", greeting + long(6, 1<<62), nil},
		{"huge frame", greeting + ready + long(2, 1<<40), nil},
		{"impossible frame", greeting + ready + long(2, 1<<63), nil},
		{"endless message", greeting + ready + strings.Repeat("\x01\x00", 2000), nil},
		{"many large frames", greeting + ready + long(3, 1) + "x" + long(2, 256<<20), nil},
		{"breaks off", greeting + ready + "\x00\x05abc", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var g errgroup.Group
			g.Go(func() error {
				conn, err := l.Accept()
				if err != nil {
					return err
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, c.sends); err != nil {
					return nil // it hung up
				}
				if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
					return nil
				}
				_, _ = io.Copy(io.Discard, conn)
				return nil
			})
			frames, err := jupyter.Receive(within(t, 5*time.Second), path)
			var got []string
			for _, frame := range frames {
				got = append(got, string(frame))
			}
			if err != nil {
				got = nil
			}
			if (err == nil) != (c.want != nil) || !cmp.Equal(c.want, got) {
				t.Errorf("got %q, %v", got, err)
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		path := filepath.Join(shortDir(t), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := jupyter.Receive(within(t, 50*time.Millisecond), path); err == nil {
			t.Error("connected to a peer that is silent")
		}
	})
}

// FuzzPeer wants no panic and no hang, whatever a peer sends.
func FuzzPeer(f *testing.F) {
	f.Add([]byte(greeting + ready + "\x01\x01a\x00\x02bc"))
	f.Add([]byte(greeting + ready + "\x04\x05\x04PING" + long(2, 3) + "abc"))
	f.Add([]byte(greeting + "\x04\x08\x05READY\xff\xff"))
	f.Add([]byte(greeting + long(6, 1<<62)))
	f.Fuzz(func(t *testing.T, sends []byte) {
		ours, theirs := net.Pipe()
		var g errgroup.Group
		g.Go(func() error {
			_, _ = io.Copy(io.Discard, theirs)
			return nil
		})
		g.Go(func() error {
			_, _ = theirs.Write(sends)
			return theirs.Close()
		})
		jupyter.ReceiveAll(ours)
		ours.Close()
		_ = g.Wait()
	})
}
