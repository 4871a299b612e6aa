package jupyter

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// leaveDescriptors makes ipykernel leave file descriptors 1 and 2 alone. It would read what child processes write there
// in a thread that is late now and then, after the code's end; in the process's own pipes all of it is there by then.
const leaveDescriptors = "--IPKernelApp.capture_fd_output=False"

// setUp makes the publishing socket hold more messages, which it would throw away when the machine is busy for half a
// second, and lets sys.stdout and sys.stderr be handed to child processes although their descriptors aren't caught.
const setUp = `
import io, sys
for number, stream in (1, sys.stdout), (2, sys.stderr):
    try:
        stream.fileno()
    except io.UnsupportedOperation:
        stream._original_stdstream_copy = number
thread = get_ipython().kernel.iopub_thread
thread.schedule(lambda: thread.socket.setsockopt(23, 100_000)) # ZMQ_SNDHWM
`

// isIPykernel tells whether the kernel is Python's own.
func (s spec) isIPykernel() bool {
	return slices.ContainsFunc(s.Argv, func(arg string) bool {
		return arg == "ipykernel" || arg == "ipykernel_launcher" || strings.HasSuffix(arg, "/ipykernel_launcher.py")
	})
}

// leavesPipes tells whether what the process writes into its pipes is not published by the kernel as well: kernels
// written in Python are made with ipykernel, which publishes it and passes it on.
func (s spec) leavesPipes() bool { return !strings.HasPrefix(filepath.Base(s.Argv[0]), "python") }

// tune sets ipykernel up without leaving a trace in the user's variables. Where that fails the kernel is as good as
// it is for others.
func (k *kernel) tune(ctx context.Context) error {
	request := executeRequest{
		Code: fmt.Sprintf("exec(%s, {'get_ipython': get_ipython})", strconv.QuoteToASCII(setUp)), Silent: true,
		UserExpressions: map[string]string{"left": "getattr(__import__('sys').stdout, 'watch_fd_thread', None) is None"},
	}
	reply, err := k.answer(ctx, "execute_request", request, "execute_reply")
	if err != nil {
		return err
	}
	var c struct {
		Status          string `json:"status"`
		UserExpressions map[string]struct {
			Data map[string]any `json:"data"`
		} `json:"user_expressions"`
	}
	err = json.Unmarshal(reply.Content, &c)
	if err != nil || c.Status != "ok" {
		k.log.Warn("the kernel can't be set up", "status", c.Status, "err", err)
		return nil
	}
	k.pipes = c.UserExpressions["left"].Data["text/plain"] == "True"
	return nil
}

// answer asks the kernel on its shell channel and waits for the reply.
func (k *kernel) answer(ctx context.Context, request string, content any, reply string) (message, error) {
	r := newRun(nil)
	k.begin(r)
	defer k.end(r)
	if err := k.ask(r, k.shell, request, content); err != nil {
		return message{}, fmt.Errorf("ask the kernel: %w", err)
	}
	for {
		select {
		case <-r.arrived:
			for _, m := range r.take() {
				if m.Type == reply {
					return m, nil
				}
			}
		case <-ctx.Done():
			return message{}, context.Cause(ctx)
		case <-k.process.exited:
			return message{}, errEnded
		}
	}
}
