package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const patience = 2 * time.Second

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	return conn.Close()
}

// socketAt connects to a socket whose path may be longer than an address can hold.
func socketAt(path string) error {
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dial("unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

func ofSockets() []attempt {
	return []attempt{
		{"connect to the engine", func() error {
			return each([]string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"}, func(path string) error { return dial("unix", path) })
		}},
		{"connect to a socket of the server", func() error {
			return each(given("ESCAPE_SOCKETS", ":"), socketAt)
		}},
		{"connect to an abstract socket of the machine", func() error {
			return each(given("ESCAPE_ABSTRACT", "\x00"), func(name string) error { return dial("unix", "@"+name) })
		}},
		{"connect to a service of the machine", func() error {
			return each(given("ESCAPE_ADDRESSES", ","), func(address string) error { return dial("tcp", address) })
		}},
		{"connect to a service of the machine by the proxy", func() error {
			return each(given("ESCAPE_ADDRESSES", ","), byProxy)
		}},
		{"listen on the machine's network to all that passes", func() error {
			return oneOf(socket(unix.AF_PACKET, unix.SOCK_RAW), socket(unix.AF_INET, unix.SOCK_RAW))
		}},
		{"connect to the machine around this one", socket(unix.AF_VSOCK, unix.SOCK_STREAM)},
		{"use the kernel's cryptography", socket(unix.AF_ALG, unix.SOCK_SEQPACKET)},
	}
}

func socket(family, kind int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, unix.IPPROTO_TCP)
		if errors.Is(err, unix.EPROTONOSUPPORT) {
			fd, err = unix.Socket(family, kind, 0)
		}
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
}

func byProxy(address string) error {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:3128", patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}
