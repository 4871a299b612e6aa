package main_test

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestDialCarriesAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer conn.Close()
		said, err := io.ReadAll(conn) // to the end of its standard input
		if err == nil {
			_, err = conn.Write(append([]byte("heard: "), said...))
		}
		served <- err
	}()
	said := strings.Repeat("x", 1<<20)
	cmd := exec.CommandContext(t.Context(), binary, "dial", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	cmd.Stdin = strings.NewReader(said)
	out, err := cmd.Output()
	if err != nil || string(out) != "+heard: "+said {
		t.Errorf("%.20q…, %d bytes; %v", out, len(out), err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestDialSaysWhyThereIsNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for given, says := range map[string]string{port: "refused", "0": "out of range", "70000": "out of range"} {
		cmd := exec.CommandContext(t.Context(), binary, "dial", given)
		var problem bytes.Buffer
		cmd.Stderr = &problem
		if out, err := cmd.Output(); err == nil || len(out) > 0 || !strings.Contains(problem.String(), says) {
			t.Errorf("%s: %v, %q, %q; want %q", given, err, out, problem.String(), says)
		}
	}
}
