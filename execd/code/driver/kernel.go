package driver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// startTime is how long an interpreter may take until it takes code; a busy machine may need seconds.
const startTime = 60 * time.Second

// Kernel is a process that runs one piece of code after the other.
type Kernel struct {
	*process
	language string

	mu     sync.Mutex
	run    uint64 // number of the run that is or was the last
	state  runState
	wanted bool // an interrupt, as soon as the piece has begun
}

type runState int

const (
	idle runState = iota
	sent          // and not begun: an interrupt would be lost
	runs          // an interrupt ends it
)

var _ code.Kernel = (*Kernel)(nil)

func start(ctx context.Context, language, program string, args, env []string) (*Kernel, error) {
	p, err := spawn(program, args, env)
	if err != nil {
		return nil, err
	}
	k := &Kernel{process: p, language: language}
	said := &tail{}
	p.stdout.to(said.write)
	p.stderr.to(said.write)
	defer context.AfterFunc(ctx, func() { _ = p.socket.SetReadDeadline(time.Unix(1, 0)) })()
	_ = p.socket.SetReadDeadline(time.Now().Add(startTime))
	f, err := readFrame(p.in)
	if err == nil && f.kind != hello {
		err = fmt.Errorf("it began with a frame %q", f.kind)
	}
	if err == nil {
		_ = p.socket.SetReadDeadline(time.Time{})
	}
	if ctx.Err() != nil {
		p.end()
		return nil, ctx.Err()
	}
	if err != nil {
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if !late {
			p.stdout.drain()
			p.stderr.drain()
		}
		p.end()
		if late {
			return nil, fault.Errorf(fault.Unavailable, "%s takes no code %s after its start", program, startTime)
		}
		return nil, fault.Errorf(fault.Invalid, "%s of this image can't run %s: %s%s", program, language, p.how, said)
	}
	p.stdout.to(nil)
	p.stderr.to(nil)
	return k, nil
}

// Run implements code.Kernel.
func (k *Kernel) Run(ctx context.Context, text string, out code.Output) (*stream.Failure, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return &stream.Failure{Name: "ValueError", Value: "code must hold no NUL character"}, nil
	}
	k.stdout.to(out.Stdout)
	k.stderr.to(out.Stderr)
	defer k.stdout.to(nil)
	defer k.stderr.to(nil)
	number := k.begin()
	defer k.over()
	defer context.AfterFunc(ctx, func() { k.interrupt(number) })()
	if _, err := k.socket.Write(append([]byte(text), 0)); err != nil {
		return nil, k.died()
	}
	for {
		f, err := readFrame(k.in)
		if err != nil {
			return nil, k.died()
		}
		// What was written before the frame is in the pipes by now, and goes first.
		if f.kind != begun {
			k.stdout.drain()
			k.stderr.drain()
		}
		switch f.kind {
		case begun:
			if n, err := strconv.Atoi(f.fields[0]); err == nil {
				out.ExecutionCount(n)
			}
			k.hasBegun()
		case result, shown:
			results := map[string]string{}
			for i := 0; i < len(f.fields); i += 2 {
				results[f.fields[i]] = f.fields[i+1]
			}
			out.Result(results)
			if f.kind == shown {
				_, _ = k.socket.Write([]byte{1}) // the next read shows where it failed
			}
		case done:
			return nil, nil
		case failed:
			return &stream.Failure{Name: f.fields[0], Value: f.fields[1], Traceback: strings.Split(f.fields[2], "\n")}, nil
		}
	}
}

// died ends what is left after the control socket has, or after it said what no driver says.
func (k *Kernel) died() error {
	select {
	case <-k.exited:
	case <-time.After(leftover): // it closed the socket, and lives
		_ = k.cmd.Process.Kill()
		<-k.exited
	}
	k.stdout.drain()
	k.stderr.drain()
	return fmt.Errorf("%w: %s", code.ErrDied, k.how)
}

func (k *Kernel) begin() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run++
	k.state, k.wanted = sent, false
	return k.run
}

func (k *Kernel) hasBegun() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == sent {
		k.state = runs
		if k.wanted {
			_ = k.sigint()
		}
	}
}

func (k *Kernel) over() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = idle
}

// Interrupt implements code.Kernel.
func (k *Kernel) Interrupt() error { return k.interrupt(0) }

// interrupt interrupts one run, or whichever there is. It holds the lock, so that the signal reaches no later run.
func (k *Kernel) interrupt(number uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case number != 0 && number != k.run:
	case k.state == sent:
		k.wanted = true
	case k.state == runs:
		return k.sigint()
	}
	return nil
}

func (k *Kernel) sigint() error {
	select {
	case <-k.exited:
		return nil
	default:
		return k.signal(syscall.SIGINT)
	}
}

// Ended tells whether the process has ended, and how.
func (k *Kernel) Ended() (how string, ended bool) {
	select {
	case <-k.exited:
		return k.how, true
	default:
		return "", false
	}
}

// Close implements code.Kernel.
func (k *Kernel) Close() { k.end() }

// tail keeps the end of what an interpreter says that does not start.
type tail struct {
	mu   sync.Mutex
	held []byte
}

func (t *tail) write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = append(t.held, p...)
	t.held = t.held[max(0, len(t.held)-2000):]
}

// String is its last line, with a colon before it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	said := bytes.TrimSpace(t.held)
	if len(said) == 0 {
		return ""
	}
	line, _, _ := bufio.NewReader(bytes.NewReader(said[bytes.LastIndexByte(said, '\n')+1:])).ReadLine()
	return ": " + string(line[:min(len(line), 200)])
}
