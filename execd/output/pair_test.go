package output_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// What came into the two pipes before anybody looked is read in the order in which it came.
func TestTheOrderOfWritesIsKept(t *testing.T) {
	for name, first := range map[string]stream.Kind{"stdout first": stream.Stdout, "stderr first": stream.Stderr} {
		t.Run(name, func(t *testing.T) {
			p, err := output.NewPair()
			if err != nil {
				t.Fatal(err)
			}
			stdout, stderr := p.Children()
			writes, want := []io.Writer{stdout, stderr}, "stdout stderr "
			if first == stream.Stderr {
				writes, want = []io.Writer{stderr, stdout}, "stderr stdout "
			}
			for _, w := range writes {
				io.WriteString(w, "x\n")
			}
			p.CloseChildren()
			var got strings.Builder
			p.Pump(output.Sink{Record: func(kind stream.Kind, _ []byte) { fmt.Fprint(&got, kind, " ") }})
			if got.String() != want {
				t.Errorf("read %q, want %q", got.String(), want)
			}
		})
	}
}

// An output that never ends does not keep the other from being read.
func TestNeitherOutputStarvesTheOther(t *testing.T) {
	p, err := output.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := p.Children()
	seen, flood := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flood)
		line := []byte(strings.Repeat("x", 1<<16))
		for {
			select {
			case <-seen:
				return
			default:
				stdout.Write(line)
			}
		}
	}()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		p.Pump(output.Sink{Record: func(kind stream.Kind, _ []byte) {
			if kind == stream.Stderr {
				close(seen)
			}
		}})
	}()
	io.WriteString(stderr, "x")
	<-seen
	<-flood
	p.CloseChildren()
	<-pumped
}

// A process that was left behind holds up the end no longer than it is waited for, and what it writes then is drained.
func TestWhatWasLeftBehindIsDrained(t *testing.T) {
	p, err := output.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	stdout, _ := p.Children()
	io.WriteString(stdout, "before\n")
	p.EndAt(time.Now())
	var drain output.Drain
	var got strings.Builder
	p.Pump(output.Sink{Drain: &drain, Record: func(_ stream.Kind, p []byte) { got.Write(p) }})
	if got.String() != "before\n" {
		t.Errorf("read %q", got.String())
	}
	if _, err := stdout.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds
		t.Error(err)
	}
	before := descriptors(t)
	drain.Close()
	p.CloseChildren()
	if after := descriptors(t); after != before-4 {
		t.Errorf("%d descriptors of %d are left, want 4 fewer", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
