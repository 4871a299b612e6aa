package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/loopback"
)

// dialCmd carries one connection over standard input and output, for a server
// that reaches a sandbox by its engine only.
type dialCmd struct {
	Port int `arg:"" help:"TCP port on the sandbox's loopback address."`
}

// How long the other side may go on after standard input has ended.
const dialLinger = 10 * time.Minute

// dialed is written first, as soon as the connection stands.
const dialed = "+"

func (c *dialCmd) Run(daemonFlags, secret) error {
	if c.Port < 1 || c.Port > 65535 {
		return fmt.Errorf("port %d is out of range; give 1 to 65535", c.Port)
	}
	connecting, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	to, err := loopback.Dial(connecting, c.Port)
	if err != nil {
		return err
	}
	conn := to.(*net.TCPConn) // the port is one of TCP
	defer conn.Close()        //nolint:errcheck // it was only read from to its end
	if _, err := io.WriteString(os.Stdout, dialed); err != nil {
		return err
	}
	go func() { // ends with the process
		_, err := io.Copy(conn, os.Stdin)
		if err != nil {
			_ = conn.Close()
			return
		}
		_ = conn.CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(dialLinger))
	}()
	_, err = io.Copy(os.Stdout, conn)
	return err
}
