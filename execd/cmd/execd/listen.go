package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

const handedPrefix = "fd:"

// handed gives the open file that an address names as fd:N, nil where it names none.
func handed(address string) (*os.File, error) {
	number, ok := strings.CutPrefix(address, handedPrefix)
	if !ok {
		return nil, nil
	}
	fd, err := strconv.Atoi(number)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%q names no descriptor: give fd:N, with N of 3 or more", address)
	}
	return os.NewFile(uintptr(fd), address), nil
}

// listen listens at an address, or at a socket that was handed down.
func listen(address string) (net.Listener, error) {
	f, err := handed(address)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return net.Listen("tcp", address)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return l, nil
}
