package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

// background starts a command in the background, as a client does that leaves at once, and gives its id.
func (s *server) background(cmd string) string {
	s.t.Helper()
	events := s.run(command.Spec{Command: cmd, Background: true})
	if len(events) != 2 || events[0].Type != "init" || events[1].Type != "execution_complete" {
		s.t.Fatalf("events of a background command: %+v", events)
	}
	return events[0].Text
}

func (s *server) status(id string) command.Status {
	s.t.Helper()
	status, err := s.manager.Status(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return status
}

func (s *server) ended(id string) command.Status {
	s.t.Helper()
	leaktest.Eventually(s.t, "it ends", func() bool { return s.status(id).Exit != nil })
	return s.status(id)
}

// written is what a command has written from the cursor on, its two outputs apart, and the next cursor.
func (s *server) written(id string, cursor int64) (all, stdout, stderr string, next int64) {
	s.t.Helper()
	_, view, err := s.manager.Output(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	var texts [3]bytes.Buffer
	if err := view.Read(cursor, transcript.Reader{
		Text: func(kind transcript.Kind, text []byte) error {
			texts[2].Write(text)
			texts[kind].Write(text)
			return nil
		},
		Lost: func(stdout, stderr int64) error {
			fmt.Fprintf(&texts[2], "[%d lost]", stdout+stderr)
			return nil
		},
	}); err != nil {
		s.t.Fatal(err)
	}
	return texts[2].String(), texts[0].String(), texts[1].String(), view.End()
}

func TestABackgroundCommandGoesOnWithoutItsClient(t *testing.T) {
	s := newServer(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	id := s.background("echo before; read line <" + fifo + "; echo $line; echo bad >&2; exit 3")
	if status := s.status(id); status.Exit != nil || status.ID != id || !strings.HasPrefix(status.Command, "echo before") || time.Since(status.Started) > time.Minute {
		t.Errorf("while it runs: %+v", status)
	}
	leaktest.Eventually(t, "its first line is there", func() bool { all, _, _, _ := s.written(id, 0); return all == "before\n" })
	_, _, _, cursor := s.written(id, 0)
	if err := os.WriteFile(fifo, []byte("after\n"), 0); err != nil {
		t.Fatal(err)
	}
	status := s.ended(id)
	if status.Exit.Code() != 3 || status.Exit.Finished.Before(status.Started) || status.Exit.Reason() != "it exited with status 3" {
		t.Errorf("at its end: %+v", status.Exit)
	}
	if _, stdout, stderr, _ := s.written(id, 0); stdout != "before\nafter\n" || stderr != "bad\n" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	if all, _, _, next := s.written(id, cursor); len(all) != len("after\nbad\n") || next != int64(len("before\nafter\nbad\n")) {
		t.Errorf("from %d: %q, next %d", cursor, all, next)
	}
}

func TestStatusOfForegroundCommands(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		name, command string
		timeout       time.Duration
		code          int
		reason        string
	}{
		{"well", "echo out", 0, 0, "status 0"},
		{"a code", "echo out; exit 9", 0, 9, "status 9"},
		{"a signal", "echo out; kill -9 $$", 0, -1, "SIGKILL"},
		{"a timeout", "echo out; sleep 4712.1", 200 * time.Millisecond, -1, "timeout of 200ms"},
		{"a child that keeps the pipe", "echo out; sleep 3 & true", 0, 0, "status 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := s.run(command.Spec{Command: c.command, Timeout: c.timeout})
			status := s.status(events[0].Text) // at once: the last event says that it has ended
			if status.Exit == nil || status.Exit.Code() != c.code || !strings.Contains(status.Exit.Reason(), c.reason) {
				t.Errorf("%+v", status)
			}
			if all, _, _, _ := s.written(events[0].Text, 0); all != "out\n" {
				t.Errorf("it wrote %q", all)
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		name, command string
		background    bool
		most          time.Duration
	}{
		{"in the foreground", "sleep 4712.3 & sleep 4712.3", false, 2 * time.Second},
		{"in the background", "sleep 4712.3 & sleep 4712.3", true, 2 * time.Second},
		{"that ignores SIGTERM", "trap '' TERM; sleep 4712.3", true, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.open(t.Context(), command.Spec{Command: c.command, Background: c.background})
			line := make([]byte, 200)
			n, err := io.ReadAtLeast(res.Body, line, 80)
			if err != nil {
				t.Fatal(err)
			}
			_, id, _ := strings.Cut(string(line[:n]), `"text":"`)
			id, _, _ = strings.Cut(id, `"`)
			leaktest.Eventually(t, "it runs", func() bool { return leaktest.Alive("4712.3") })
			start := time.Now()
			if err := s.manager.Interrupt(id); err != nil {
				t.Fatal(err)
			}
			status := s.ended(id)
			if status.Exit.Code() != -1 || status.Exit.Reason() != "it was interrupted" || time.Since(start) > c.most {
				t.Errorf("after %s: %+v", time.Since(start), status.Exit)
			}
			leaktest.Eventually(t, "no process is left", func() bool { return !leaktest.Alive("4712.3") })
			if err := s.manager.Interrupt(id); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
	var f *fault.Error
	if err := s.manager.Interrupt("nope"); !errors.As(err, &f) || f.Kind != fault.Missing {
		t.Errorf("unknown: %v", err)
	}
}

func TestTheOldestEndingsAreForgotten(t *testing.T) {
	s := serverWith(t, command.Config{Keep: 3, Total: 250_000})
	var ids []string
	for range 5 {
		id := s.background("head -c 100000 /dev/zero")
		s.ended(id)
		ids = append(ids, id)
	}
	var f *fault.Error
	for i, id := range ids {
		_, statusErr := s.manager.Status(t.Context(), id)
		_, _, outputErr := s.manager.Output(t.Context(), id)
		switch {
		case i < 2:
			if !errors.As(statusErr, &f) || f.Kind != fault.Missing {
				t.Errorf("status of command %d: %v", i, statusErr)
			}
		case i == 2:
			if statusErr != nil || !errors.As(outputErr, &f) || f.Kind != fault.Missing || !strings.Contains(f.Message, "not kept any more") {
				t.Errorf("command %d: status %v, output %v", i, statusErr, outputErr)
			}
		default:
			if statusErr != nil || outputErr != nil {
				t.Errorf("command %d: status %v, output %v", i, statusErr, outputErr)
			}
		}
	}
}

func TestOutputPastTheBoundKeepsItsNewestPart(t *testing.T) {
	s := serverWith(t, command.Config{Output: 1 << 20})
	events := s.run(command.Spec{Command: "seq 1000000 1500000"}) // a piece is dropped with what was read into it last
	all, stdout, _, next := s.written(events[0].Text, 0)
	if next != 500001*8 || !strings.HasPrefix(all, "[") || !strings.HasSuffix(stdout, "\n1500000\n") || len(stdout) < 600<<10 || len(stdout) > 1<<20 {
		t.Errorf("next %d, %d bytes: %.40q … %q", next, len(stdout), all, stdout[max(0, len(stdout)-20):])
	}
	if len(events) != 500001+2 {
		t.Errorf("%d events", len(events))
	}
}

func TestADiskThatTakesNothingBreaksNoStream(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // no directory can be made here
		t.Fatal(err)
	}
	s := serverWith(t, command.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	events := s.run(command.Spec{Command: "seq 1000000 1100000"})
	if texts, end := outcome(t, events); len(texts) != 100001 || end != "ok" {
		t.Errorf("%d lines, ended %q", len(texts), end)
	}
	if status := s.status(events[0].Text); status.Exit == nil || status.Exit.Code() != 0 {
		t.Errorf("%+v", status)
	}
	if all, _, _, next := s.written(events[0].Text, 0); next != 100001*8 || !strings.Contains(all, "lost]") {
		t.Errorf("next %d: %.60q", next, all)
	}
}

func TestManyCommandsAtOnceAreToldApart(t *testing.T) {
	s := newServer(t)
	ids := make([]string, 60)
	for i := range ids {
		ids[i] = s.background(fmt.Sprintf("seq %d0000 %d5000; echo err%d >&2; exit %d", i+1, i+1, i, i%5))
	}
	for i, id := range ids {
		status := s.ended(id)
		_, stdout, stderr, _ := s.written(id, 0)
		if status.Exit.Code() != i%5 || stderr != fmt.Sprintf("err%d\n", i) || strings.Count(stdout, "\n") != 5001 || !strings.HasSuffix(stdout, fmt.Sprintf("\n%d5000\n", i+1)) {
			t.Errorf("command %d: exit %d, %d bytes, stderr %q", i, status.Exit.Code(), len(stdout), stderr)
		}
	}
}

func TestAStalledClientHidesNoStatus(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res := s.open(ctx, command.Spec{Command: "yes | head -c 8000000; echo $$ >&2"})
	line := make([]byte, 100)
	if _, err := io.ReadFull(res.Body, line); err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(string(line), `"text":"`)
	id, _, _ = strings.Cut(id, `"`)
	if status := s.status(id); status.Exit != nil {
		t.Errorf("it waits for its client, and is called ended: %+v", status)
	}
	if err := s.manager.Interrupt(id); err != nil { // its process ends, what it wrote is still waiting
		t.Fatal(err)
	}
	if status := s.ended(id); status.Exit.Code() != -1 {
		t.Errorf("%+v", status)
	}
}

func TestCommandsDieBeforeTheDaemon(t *testing.T) {
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	s := newServer(t)
	id := s.background("sleep 0.2; cat /proc/self/oom_score_adj")
	s.ended(id)
	var want, got int
	_, _ = fmt.Sscan(string(own), &want)
	all, _, _, _ := s.written(id, 0)
	if _, err := fmt.Sscan(all, &got); err != nil || got != min(1000, want+200) {
		t.Errorf("a command has %q, the daemon %d", all, want)
	}
}
