package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// tunnel connects to a port of a container whose address this machine has no
// way to, through the engine: execd, run in the container, carries the
// connection over its standard input and output. It costs the start of a
// process for each connection.
func (d *Docker) tunnel(ctx context.Context, id string, port int) (net.Conn, error) {
	made, err := d.engine.ContainerExecCreate(ctx, containerName(id), container.ExecOptions{
		Cmd:         []string{execdPath, "dial", strconv.Itoa(port)},
		Env:         []string{"EXECD_ACCESS_TOKEN"}, // takes it out of this process's environment
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make a way into container %s: %w", containerName(id), available(err))
	}
	attached, err := d.engine.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("make a way into container %s: %w", containerName(id), available(err))
	}
	conn := &tunneled{Conn: attached.Conn, r: attached.Reader, closeWrite: attached.CloseWrite}
	broken := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = conn.await()
	if !broken() || err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect to port %d in container %s: %w", port, containerName(id), errors.Join(err, ctx.Err()))
	}
	return conn, nil
}

// tunneled is a connection whose incoming half is the engine's multiplexed
// stream: frames of a type, three zeros, a length of four bytes, and content.
type tunneled struct {
	net.Conn
	r          *bufio.Reader
	closeWrite func() error
	left       uint32 // of the frame of standard output that is being read
}

// CloseWrite ends the outgoing half.
func (t *tunneled) CloseWrite() error { return t.closeWrite() }

// await waits until the connection inside stands.
func (t *tunneled) await() error {
	sign := make([]byte, 1)
	if _, err := io.ReadFull(t, sign); err != nil {
		return err
	}
	if sign[0] != '+' {
		return fmt.Errorf("the daemon's binary answers %q", sign)
	}
	return nil
}

func (t *tunneled) Read(p []byte) (int, error) {
	for t.left == 0 {
		if err := t.next(); err != nil {
			return 0, err
		}
	}
	n, err := t.r.Read(p[:min(uint64(len(p)), uint64(t.left))])
	t.left -= uint32(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the header of a frame. What comes on standard error is why there
// is no connection.
func (t *tunneled) next() error {
	var header [8]byte
	if _, err := io.ReadFull(t.r, header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[4:])
	if stdcopy.StdType(header[0]) != stdcopy.Stderr {
		t.left = size
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(t.r, int64(size)))
	if err != nil {
		return err
	}
	return errors.New(brief(strings.TrimPrefix(string(text), "execd: error: ")))
}
