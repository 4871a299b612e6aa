// Package leaktest is for tests of code that starts processes: it finds goroutines, descriptors and child processes
// that were left behind, and waits for what shows only by asking.
package leaktest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, and fails when one of them left a goroutine, a descriptor or a process behind.
func Main(m *testing.M) {
	if r, w, err := os.Pipe(); err == nil { // the first of these opens what the runtime keeps
		r.Close()
		w.Close()
	}
	before := Descriptors()
	status := m.Run()
	if status == 0 {
		if err := left(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

func left(descriptors int) error {
	if err := goleak.Find(); err != nil {
		return err
	}
	after := Descriptors()
	for range 20 { // io.Copy between sockets keeps pipes until a collection or two later
		if after <= descriptors {
			break
		}
		runtime.GC()
		time.Sleep(5 * time.Millisecond) // finalizers run when they like
		after = Descriptors()
	}
	if after > descriptors {
		return fmt.Errorf("%d descriptors are open, %d were before", after, descriptors)
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		return fmt.Errorf("a child process is left: %w", err)
	}
	return nil
}

// Descriptors counts those that this process has open.
func Descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd") // without /proc there is nothing to compare
	return len(entries)
}

// Eventually waits until ok, for at most 10 s: for what happens elsewhere, and tells nobody.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// Alive tells whether another process runs whose command line holds mark.
func Alive(mark string) bool {
	entries, _ := os.ReadDir("/proc") // without /proc there is nothing to see
	for _, e := range entries {
		if b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil && e.Name() != strconv.Itoa(os.Getpid()) && strings.Contains(string(b), mark) {
			return true
		}
	}
	return false
}
