package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// benchStart measures from exec to the first answered ping, of the daemon alone and under its supervisor.
func benchStart(b *testing.B) {
	program := binary(b, "execd")
	run := func(args ...string) time.Duration {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		for i, arg := range args {
			if arg == "ADDRESS" {
				args[i] = address
			}
		}
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+token)
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for !answers(address) {
			if time.Since(begun) > 10*time.Second {
				b.Fatal("it does not answer")
			}
			time.Sleep(50 * time.Microsecond) // leaves it a processor
		}
		took := time.Since(begun)
		ends := append([]int{cmd.Process.Pid}, children(cmd.Process.Pid)...) // the supervisor first: it would start another
		for _, pid := range ends {
			_ = kill(pid)
		}
		_ = cmd.Wait()
		return took
	}
	var alone, supervised []time.Duration
	for range b.N {
		x, y := pairs(30,
			func() time.Duration { return run("--listen", "ADDRESS") },
			func() time.Duration { return run("supervise", "--listen", "ADDRESS", "--", "sleep", "infinity") })
		alone, supervised = append(alone, x...), append(supervised, y...)
	}
	b.ReportMetric(quantile(alone, 0.5), "ms")
	b.ReportMetric(quantile(supervised, 0.5), "supervised-ms")
}

func benchSize(b *testing.B) {
	info, err := os.Stat(binary(b, "execd"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// benchRest looks at a daemon that has answered a ping, as a sandbox that nobody uses yet.
func benchRest(b *testing.B) {
	d := startDaemon(b)
	d.whole(b, "GET", "/ping", "")
	b.ReportMetric(d.resident(b), "MB")
}

// benchAfter looks at what all the work left beside what a daemon has that did little: memory, descriptors and goroutines.
// It ends with it, as only SIGQUIT shows its goroutines from outside.
func benchAfter(b *testing.B, d *server) {
	fresh := startDaemon(b)
	fresh.whole(b, "POST", "/command", runBody("yes | head -c 100000")) // opens the directory for output, for good
	d.client.CloseIdleConnections()
	fresh.client.CloseIdleConnections()
	want := fresh.descriptors()
	waitFor(10*time.Second, func() bool { return fresh.descriptors() < want }) // its connection is gone
	want = fresh.descriptors()
	waitFor(10*time.Second, func() bool { return d.descriptors() <= want })
	if want > 0 { // 0: it may not be looked at
		b.ReportMetric(float64(max(0, d.descriptors()-want)), "descriptors")
	}
	b.ReportMetric(d.resident(b), "MB")
	b.ReportMetric(float64(max(0, d.goroutines(b)-fresh.goroutines(b))), "goroutines")
}

// resident is the memory of all processes of the daemon, MB. What is of the binary's file is in memory once for all.
func (s *server) resident(b *testing.B) float64 {
	own, shared := 0.0, 0.0
	for _, pid := range s.processes() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			b.Fatal(err)
		}
		anonymous := field(b, string(text), "Anonymous")
		own += anonymous
		shared = max(shared, field(b, string(text), "Rss")-anonymous)
	}
	return (own + shared) * 1024 / 1e6
}

// field is in KiB.
func field(b *testing.B, text, name string) float64 {
	_, rest, ok := strings.Cut(text, "\n"+name+":")
	if !ok {
		b.Fatalf("no %s in %q", name, text)
	}
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib
}

// descriptors is how many the daemon has open; 0 where that can't be seen.
func (s *server) descriptors() int {
	pids := s.processes()
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pids[len(pids)-1]))
	return len(entries)
}

// goroutines counts those that are not the runtime's own.
func (s *server) goroutines(b *testing.B) int {
	pids := s.processes()
	if err := syscall.Kill(pids[len(pids)-1], syscall.SIGQUIT); err != nil {
		b.Fatal(err)
	}
	if !waitFor(10*time.Second, func() bool { return strings.Contains(s.output(), "the daemon died") }) {
		b.Fatalf("it did not say what it does: %s", s.output())
	}
	n := 0
	for _, stack := range strings.Split(s.output(), "\ngoroutine ")[1:] {
		stack, _, _ = strings.Cut(stack, "\n\n")
		if !strings.HasPrefix(stack, "0 ") && !strings.Contains(stack, "\ncreated by runtime.") {
			n++
		}
	}
	return n
}
