// Package reach carries connections from the server to ports of the sandbox, where the sandbox has a network of its
// own that the server has no way into but a socket that it handed down. The socket has no name inside: nothing in the
// sandbox can connect to it, and what can is led to the sandbox's own loopback address only.
//
// A connection begins with the port, two bytes, highest first. The answer is a plus sign once the connection stands,
// or a minus sign and why there is none; then both sides carry on as they like.
package reach

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/loopback"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/duplex"
)

// Stands and Fails begin the answers.
const (
	Stands = '+'
	Fails  = '-'
)

// askTime is how long a caller may take to name the port.
const askTime = 10 * time.Second

// Serve begins to take connections from l, which it closes in the end.
func Serve(l net.Listener) *duplex.Server { return duplex.Serve(l, carry) }

func carry(ctx context.Context, from net.Conn) {
	defer from.Close()
	defer context.AfterFunc(ctx, func() { from.Close() })()
	_ = from.SetReadDeadline(time.Now().Add(askTime)) // closed: the read fails
	var port [2]byte
	if _, err := io.ReadFull(from, port[:]); err != nil {
		return
	}
	_ = from.SetReadDeadline(time.Time{})
	to, err := loopback.Dial(ctx, int(binary.BigEndian.Uint16(port[:])))
	if err != nil {
		_, _ = io.WriteString(from, string(Fails)+err.Error()) // who asked may have left
		return
	}
	if _, err := from.Write([]byte{Stands}); err != nil {
		to.Close()
		return
	}
	duplex.Carry(ctx, from, to)
}
