package process

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// daemonPort is where clients think that the daemon listens.
const daemonPort = 44772

// Dial connects to the daemon by its socket, and to other ports through the
// daemon, which alone is in the sandbox's network.
func (r *Runtime) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	dir := filepath.Join(r.sandboxes(), id)
	if port == daemonPort {
		return dialUnix(ctx, dir, stage.FileExecd)
	}
	conn, err := dialUnix(ctx, dir, stage.FilePorts)
	if err != nil {
		return nil, err
	}
	broken := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = ask(conn, port)
	if !broken() || err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect to port %d in sandbox %s: %w", port, id, errors.Join(err, ctx.Err()))
	}
	return conn, nil
}

// Guard gives a listener as it is: sandboxes have a network of their own, which
// leads to no address of this machine.
func (r *Runtime) Guard(l net.Listener) net.Listener { return l }

// ask has the daemon connect to a port, as package execd/reach says.
func ask(conn net.Conn, port int) error {
	if _, err := conn.Write(binary.BigEndian.AppendUint16(nil, uint16(port))); err != nil {
		return err
	}
	sign := make([]byte, 1)
	if _, err := io.ReadFull(conn, sign); err != nil {
		return err
	}
	if sign[0] == '+' {
		return nil
	}
	reason, err := io.ReadAll(io.LimitReader(conn, 4*briefLength))
	return errors.Join(errors.New(brief(string(reason))), err)
}

// dialUnix connects to a socket in a sandbox's directory. The directory is
// opened first, as a socket's whole path may have 107 bytes at most.
func dialUnix(ctx context.Context, dir, name string) (net.Conn, error) {
	at, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("there is no such sandbox: %w", err)
	}
	defer at.Close()
	var d net.Dialer
	return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", at.Fd(), name))
}

// listenUnix makes a socket in a sandbox's directory that listens, and that
// nothing but this server can connect to.
func listenUnix(dir, name string) (*os.File, error) {
	at, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", at.Fd(), name)}); err != nil {
		f.Close()
		return nil, fmt.Errorf("name a socket %s: %w", name, err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		f.Close()
		return nil, fmt.Errorf("listen at %s: %w", name, err)
	}
	return f, nil
}

// backlog is how many connections may wait for a daemon that is not there yet.
const backlog = 4096
