package jupyter

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

type executeRequest struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    bool              `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      bool              `json:"allow_stdin"`   // false: code that asks for input fails
	StopOnError     bool              `json:"stop_on_error"` // true would drop the next request too
}

// Run runs one piece of code. It is over when both its reply and the state idle have come, each by its own channel.
func (k *kernel) Run(ctx context.Context, source string, out code.Output) (*stream.Failure, error) {
	select {
	case <-k.dead:
		return nil, code.ErrDied
	default:
	}
	r := newRun(out)
	k.begin(r)
	defer k.end(r)
	if err := k.ask(r, k.shell, "execute_request", executeRequest{Code: source, StoreHistory: true, UserExpressions: map[string]string{}}); err != nil {
		k.log.Warn("the kernel is ended: it takes no code", "err", err)
		k.process.signal(syscall.SIGKILL)
	}
	t := transcript{out: out}
	for done := ctx.Done(); !t.over(); {
		select {
		case <-r.arrived:
		case <-done:
			done = nil
			k.note(k.Interrupt())
		case <-k.dead:
			for _, m := range r.take() {
				t.add(m)
			}
			if t.over() {
				break
			}
			return nil, code.ErrDied
		}
		for _, m := range r.take() {
			t.add(m)
		}
		if t.idle && !t.replied && !t.fenced && k.interrupted() {
			// An interrupt that comes a moment too early takes the reply with it (ipykernel): the reply to a later
			// question tells that there will be none.
			t.fenced = true
			_ = k.ask(r, k.shell, "kernel_info_request", struct{}{}) // where that fails, the kernel has died
		}
	}
	if k.pipes {
		for _, m := range k.rest(r) {
			t.add(m)
		}
	}
	return t.failure, nil
}

// transcript is what has become of a run so far.
type transcript struct {
	out     code.Output
	idle    bool // the kernel has said all
	replied bool // it has said how it ended
	fenced  bool // a later question was asked
	counted bool
	failure *stream.Failure
}

func (t *transcript) over() bool { return t.idle && t.replied }

// content has the fields of all messages that a run brings.
type content struct {
	Name           string                     `json:"name"` // of the stream
	Text           string                     `json:"text"`
	ExecutionState string                     `json:"execution_state"`
	ExecutionCount int                        `json:"execution_count"`
	Data           map[string]json.RawMessage `json:"data"`
	Status         string                     `json:"status"`
	Ename          string                     `json:"ename"`
	Evalue         string                     `json:"evalue"`
	Traceback      []string                   `json:"traceback"`
	Payload        []struct {
		Source string                     `json:"source"`
		Data   map[string]json.RawMessage `json:"data"`
	} `json:"payload"`
}

// add hands on what a message brings. Messages of other types, such as those of widgets, bring nothing.
func (t *transcript) add(m message) {
	if m.Type == "kernel_info_reply" && !t.replied {
		t.replied = true
		if t.failure == nil {
			t.failure = &stream.Failure{Name: "KeyboardInterrupt", Traceback: []string{"KeyboardInterrupt"}}
		}
		return
	}
	var c content
	if known[m.Type] {
		// What doesn't fit stays empty: a kernel that sends a wrong type in one field must still end its run.
		_ = json.Unmarshal(m.Content, &c)
	}
	switch m.Type {
	case "status":
		t.idle = t.idle || c.ExecutionState == "idle" && !t.fenced
	case "execute_input":
		t.count(c.ExecutionCount)
	case pipedOut:
		t.out.Stdout(m.Content)
	case pipedErr:
		t.out.Stderr(m.Content)
	case "stream":
		if c.Name == "stderr" {
			t.out.Stderr([]byte(c.Text))
		} else {
			t.out.Stdout([]byte(c.Text))
		}
	case "execute_result", "display_data", "update_display_data":
		t.count(c.ExecutionCount)
		if results := values(c.Data); len(results) > 0 {
			t.out.Result(results)
		}
	case "error":
		t.failure = failure(c)
	case "execute_reply":
		t.replied = true
		t.count(c.ExecutionCount)
		if t.failure == nil && c.Status != "ok" {
			t.failure = failure(c)
		}
		for _, p := range c.Payload {
			if results := values(p.Data); p.Source == "page" && len(results) > 0 { // help that was asked for
				if text, ok := results["text/plain"]; ok {
					results["text/plain"] = plain(text)
				}
				t.out.Result(results)
			}
		}
	}
}

var known = map[string]bool{
	"status": true, "execute_input": true, "stream": true, "execute_result": true, "display_data": true,
	"update_display_data": true, "error": true, "execute_reply": true,
}

// count tells the number of this run, once.
func (t *transcript) count(n int) {
	if n > 0 && !t.counted {
		t.counted = true
		t.out.ExecutionCount(n)
	}
}

// values gives strings as they are and all else as JSON.
func values(data map[string]json.RawMessage) map[string]string {
	results := make(map[string]string, len(data))
	for mime, value := range data {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		results[mime] = text
	}
	return results
}

func failure(c content) *stream.Failure {
	f := &stream.Failure{Name: plain(c.Ename), Value: plain(c.Evalue)}
	if f.Name == "" {
		f.Name = "Error"
		if c.Status == "aborted" || c.Status == "abort" {
			f.Name, f.Value = "Aborted", "the kernel did not run the code"
		}
	}
	for _, part := range c.Traceback {
		f.Traceback = append(f.Traceback, strings.Split(strings.TrimSuffix(plain(part), "\n"), "\n")...)
	}
	return f
}

// escapes are the control sequences of ECMA-48 with which kernels colour what they print.
var escapes = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

func plain(s string) string { return escapes.ReplaceAllString(s, "") }
