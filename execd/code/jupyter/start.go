package jupyter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

const (
	redial = 20 * time.Millisecond  // between two attempts to connect, while the kernel starts
	reask  = 100 * time.Millisecond // between two requests, while the kernel does not publish yet
)

// Start starts a kernel and waits until it answers. A kernel that ends instead, or does not answer in time, is a
// fault.Error that holds what it wrote last.
func (l *language) Start(ctx context.Context) (code.Kernel, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.StartTimeout, errSlow)
	defer cancel()
	if err := os.MkdirAll(l.config.Root, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for kernels: %w", err)
	}
	dir, err := os.MkdirTemp(l.config.Root, "k") // mode 0700; short, for the sockets' paths
	if err != nil {
		return nil, fmt.Errorf("make the kernel's folder: %w", err)
	}
	k, err := l.launch(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	err = k.connect(ctx)
	k.serve()
	if err == nil {
		err = k.ready(ctx)
	}
	if err == nil && l.spec.isIPykernel() {
		err = k.tune(ctx)
	}
	if err != nil {
		k.Close()
		return nil, l.refusal(err, k.process)
	}
	return k, nil
}

var (
	errSlow  = errors.New("it did not answer in time")
	errEnded = errors.New("it ended before it answered")
)

// launch starts the kernel's process.
func (l *language) launch(dir string) (*kernel, error) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	session := newSession()
	c, err := newConnection(dir, l.spec, session.key)
	if err != nil {
		return nil, err
	}
	file, err := c.write(dir)
	if err != nil {
		return nil, fmt.Errorf("write connection file: %w", err)
	}
	replace := strings.NewReplacer(connectionFile, file, "{resource_dir}", l.spec.dir)
	argv := make([]string, len(l.spec.Argv))
	for i, arg := range l.spec.Argv {
		argv[i] = replace.Replace(arg)
	}
	if l.spec.isIPykernel() {
		argv = append(argv, leaveDescriptors)
	}
	p, err := startProcess(l.spec.program, argv, kernelEnv(l.config.Env, l.spec.Env), l.config.Dir)
	if err != nil {
		kind := fault.Invalid
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			kind = fault.Unavailable
		}
		return nil, fault.Errorf(kind, "the %s kernel of this image can't be started: %w", l.spec.Language, err)
	}
	return &kernel{
		log: l.config.Log.With("kernel", l.spec.Language), session: session, connection: c, dir: dir, process: p,
		byMessage: l.spec.InterruptMode == "message", pipes: l.spec.leavesPipes(),
		ending: make(chan struct{}), dead: make(chan struct{}),
	}, nil
}

// refusal says why a kernel that was started is of no use.
func (l *language) refusal(err error, p *process) error {
	kind := fault.Invalid
	if !errors.Is(err, errEnded) {
		kind = fault.Unavailable
	}
	last := strings.TrimSpace(plain(p.stderr.written()))
	if last == "" {
		last = strings.TrimSpace(plain(p.stdout.written()))
	}
	if last == "" {
		last = "nothing"
	}
	return fault.Errorf(kind, "the %s kernel of this image (%s) can't be used: %w; it wrote: %s", l.spec.Language, l.spec.DisplayName, err, last)
}

// kernelEnv is what a kernel gets of the daemon's environment, nothing that is the daemon's own, with its
// spec's variables, in which ${NAME} stands for a variable of the environment.
func kernelEnv(env []string, more map[string]string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "EXECD_") {
			out = append(out, kv)
		}
	}
	if lookup(out, "PATH") == "" {
		out = append(out, "PATH="+defaultPath)
	}
	base := out[:len(out):len(out)]
	for name, value := range more {
		if strings.HasPrefix(name, "EXECD_") || name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			continue
		}
		out = append(out, name+"="+os.Expand(value, func(name string) string { return lookup(base, name) }))
	}
	return out
}

// connect connects the channels as soon as the kernel has bound them.
func (k *kernel) connect(ctx context.Context) error {
	for _, want := range []struct {
		channel **channel
		port    int
		kind    zmq4.SocketType
	}{
		{&k.shell, k.connection.Shell, zmq4.Dealer},
		{&k.iopub, k.connection.IOPub, zmq4.Sub},
		{&k.control, k.connection.Control, zmq4.Dealer},
	} {
		for *want.channel == nil {
			var err error
			network, addresses := k.connection.addresses(want.port)
			for _, address := range addresses {
				if *want.channel, err = dial(ctx, network, address, want.kind); err == nil {
					break
				}
			}
			if *want.channel != nil {
				break
			}
			select {
			case <-time.After(redial):
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-k.process.exited:
				return errEnded
			}
		}
	}
	return nil
}

// ready waits until the kernel answers and publishes: what it publishes before it knows its subscriber is lost, so
// that it is asked again until an answer and its echo have come.
func (k *kernel) ready(ctx context.Context) error {
	r := newRun(nil)
	k.begin(r)
	defer k.end(r)
	again := time.NewTicker(reask)
	defer again.Stop()
	for answered, published := false, false; !answered || !published; {
		if err := k.ask(r, k.shell, "kernel_info_request", struct{}{}); err != nil {
			return fmt.Errorf("ask the kernel: %w", err)
		}
		for asked := true; asked && (!answered || !published); {
			select {
			case <-r.arrived:
				for _, m := range r.take() {
					answered = answered || m.Type == "kernel_info_reply"
					published = published || m.Type == "status"
				}
			case <-again.C:
				asked = false
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-k.process.exited:
				return errEnded
			}
		}
	}
	return nil
}
