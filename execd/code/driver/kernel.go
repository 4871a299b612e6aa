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
	timed   bool // signals must be timed
	repeats bool // signals may have to be sent again
	exits   bool // an exit status says how the code went

	mu     sync.Mutex
	run    uint64 // number of the run that is or was the last
	state  runState
	wanted bool        // an interrupt
	next   *time.Timer // sends the next signal; nil: there is none to come
}

type runState int

const (
	idle  runState = iota
	sent           // and not begun: a signal would be lost
	runs           // a signal ends it
	waits          // it runs, and awaits something
)

const (
	// settle is how long a piece has to say that it awaits something before a signal is sent, where signals are timed:
	// one that comes at the very moment is lost, or ends the interpreter.
	settle = 20 * time.Millisecond
	// again is when a signal is sent anew that did not help, where signals are timed or repeated.
	again = 250 * time.Millisecond
)

var _ code.Kernel = (*Kernel)(nil)

func start(ctx context.Context, l *Language, program string) (*Kernel, error) {
	p, err := spawn(program, l.args, l.env)
	if err != nil {
		return nil, err
	}
	k := &Kernel{process: p, timed: l.timed, exits: l.exits, repeats: l.repeats}
	said := &tail{}
	p.out.to(said.write, said.write)
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
			p.out.drain()
		}
		p.end()
		if late {
			return nil, fault.Errorf(fault.Unavailable, "%s takes no code %s after its start", program, startTime)
		}
		return nil, fault.Errorf(fault.Invalid, "%s of this image can't run %s: %s%s", program, l.name, p.how, said)
	}
	p.out.to(nil, nil)
	return k, nil
}

// Run implements code.Kernel.
func (k *Kernel) Run(ctx context.Context, text string, out code.Output) (*stream.Failure, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return &stream.Failure{Name: "ValueError", Value: "code must hold no NUL character"}, nil
	}
	k.out.to(out.Stdout, out.Stderr)
	defer k.out.to(nil, nil)
	number := k.begin()
	defer k.over()
	defer context.AfterFunc(ctx, func() { _ = k.interrupt(number) })() // one that has died is seen here
	if _, err := k.socket.Write(append([]byte(text), 0)); err != nil {
		return k.died()
	}
	for {
		f, err := readFrame(k.in)
		if err != nil {
			return k.died()
		}
		// What was written before the frame is in the pipes by now, and goes first.
		if f.kind != begun && f.kind != awaits {
			k.out.drain()
		}
		switch f.kind {
		case begun:
			if n, err := strconv.Atoi(f.fields[0]); err == nil {
				out.ExecutionCount(n)
			}
			k.is(runs)
		case awaits:
			k.is(waits)
		case result, shown:
			results := map[string]string{}
			for i := 0; i < len(f.fields); i += 2 {
				results[f.fields[i]] = f.fields[i+1]
			}
			out.Result(results)
			if f.kind == shown {
				_, _ = k.socket.Write([]byte{taken}) // the next read shows where it failed
			}
		case done:
			return nil, nil
		case failed:
			return &stream.Failure{Name: f.fields[0], Value: f.fields[1], Traceback: strings.Split(f.fields[2], "\n")}, nil
		}
	}
}

// died ends what is left after the control socket has, or after it said what no driver says.
func (k *Kernel) died() (*stream.Failure, error) {
	select {
	case <-k.exited:
	case <-time.After(leftover): // it closed the socket, and lives
		_ = k.cmd.Process.Kill()
		<-k.exited
	}
	k.out.drain()
	err := fmt.Errorf("%w: %s", code.ErrDied, k.how)
	if status := k.cmd.ProcessState.ExitCode(); k.exits && status > 0 {
		return &stream.Failure{Name: "CommandExecError", Value: strconv.Itoa(status), Traceback: []string{k.how + ", and the interpreter with it: the next run starts a new one"}}, err
	}
	return nil, err
}

func (k *Kernel) begin() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run++
	k.state, k.wanted = sent, false
	return k.run
}

// is says how the run goes.
func (k *Kernel) is(state runState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = state
	if k.wanted {
		_ = k.signalNow()
	}
}

func (k *Kernel) over() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = idle
	if k.next != nil {
		k.next.Stop()
		k.next = nil
	}
}

// Interrupt implements code.Kernel.
func (k *Kernel) Interrupt() error { return k.interrupt(0) }

// interrupt interrupts one run, or whichever there is.
func (k *Kernel) interrupt(number uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == idle || number != 0 && number != k.run {
		return nil
	}
	k.wanted = true
	return k.signalNow()
}

// signalNow sends an interrupt, or has it sent, as soon as that is right. The lock is held, so that it reaches no later run.
func (k *Kernel) signalNow() error {
	switch {
	case k.state == sent:
		return nil
	case k.state == waits:
		_, err := k.socket.Write([]byte{interruption})
		if err != nil {
			return nil //nolint:nilerr // it has died, and Run sees it
		}
	case k.timed && k.next == nil:
		k.signalAfter(settle)
		return nil
	case k.repeats && k.next == nil:
		k.signalAfter(again)
	}
	return k.sigint()
}

func (k *Kernel) signalAfter(d time.Duration) {
	number := k.run
	k.next = time.AfterFunc(d, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.run == number && k.state == runs {
			_ = k.sigint()
			k.signalAfter(again)
		}
	})
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
