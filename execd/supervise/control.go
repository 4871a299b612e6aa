package supervise

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// obey carries out the server's orders until this process, PID 1, ends. The socket has no name in the sandbox.
func obey(control *os.File) error {
	if control == nil {
		return nil
	}
	defer control.Close()
	l, err := net.FileListener(control)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			take(conn) // one after the other
			conn.Close()
		}
	}()
	return nil
}

func take(conn net.Conn) {
	order := make([]byte, 1)
	for {
		if _, err := conn.Read(order); err != nil {
			return
		}
		switch order[0] {
		case stage.Stop:
			_ = unix.Kill(-1, syscall.SIGSTOP) // there may be none
		case stage.Go:
			_ = unix.Kill(-1, syscall.SIGCONT)
		default:
			return
		}
		if _, err := conn.Write(order); err != nil {
			return
		}
	}
}
