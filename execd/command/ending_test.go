package command_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestTimeoutReachesTheWholeGroup(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		name, command string
		least, most   time.Duration
	}{
		{"children that can end", "sleep 4711.1 & sleep 4711.1", 300 * time.Millisecond, 3 * time.Second},
		{"it ignores SIGTERM", "trap '' TERM; sleep 4711.1", 3300 * time.Millisecond, 5 * time.Second},
		{"it is stopped", "kill -STOP $$", 3300 * time.Millisecond, 5 * time.Second},
		{"it goes on writing", "trap 'exit 0' TERM; while :; do echo x; done", 300 * time.Millisecond, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own := &server{t: t, manager: s.manager, http: s.http, specs: s.specs}
			start := time.Now()
			_, end := outcome(t, own.run(command.Spec{Command: c.command, Timeout: 300 * time.Millisecond}))
			if took := time.Since(start); end != "-1" || took < c.least || took > c.most {
				t.Errorf("ended %q after %s", end, took)
			}
		})
	}
	t.Cleanup(func() { leaktest.Eventually(t, "its processes end", func() bool { return !leaktest.Alive("4711.1") }) })
}

func TestAChildThatIgnoresSIGTERMIsKilledThoughItsShellIsGone(t *testing.T) {
	s := newServer(t)
	_, end := outcome(t, s.run(command.Spec{Command: "(trap '' TERM; exec >/dev/null 2>&1; sleep 4711.2) & wait", Timeout: 200 * time.Millisecond}))
	if end != "-1" {
		t.Errorf("ended %q", end)
	}
	leaktest.Eventually(t, "the child is killed", func() bool { return !leaktest.Alive("4711.2") })
}

func TestAVanishedClientEndsTheCommand(t *testing.T) {
	s := newServer(t)
	for _, cmd := range []string{"sleep 4711.3", "sleep 4711.3 & sleep 4711.3", "while :; do echo 4711.3; done", "yes 4711.3 & sleep 4711.3"} {
		t.Run(cmd, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			res := s.open(ctx, command.Spec{Command: cmd})
			if _, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			leaktest.Eventually(t, "it runs", func() bool { return leaktest.Alive("4711.3") })
			cancel()
			leaktest.Eventually(t, "its processes end", func() bool { return !leaktest.Alive("4711.3") })
		})
	}
}

func TestAProcessLeftBehindHoldsNothingUpAndGoesOn(t *testing.T) {
	s := newServer(t)
	done := filepath.Join(t.TempDir(), "done")
	start := time.Now()
	texts, end := outcome(t, s.run(command.Spec{Command: "(sleep 1; echo late && echo later && touch " + done + ") & echo now"}))
	if took := time.Since(start); took > 900*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	if diff := cmp.Diff([]string{"out:now"}, texts); diff != "" || end != "ok" {
		t.Errorf("ended %q: %s", end, diff)
	}
	leaktest.Eventually(t, "it could write and go on", func() bool { _, err := os.Stat(done); return err == nil })
}

func TestAProcessLeftBehindThatWritesForEver(t *testing.T) {
	s := newServer(t)
	file := filepath.Join(t.TempDir(), "pid")
	_, end := outcome(t, s.run(command.Spec{Command: "yes 4711.4 & echo $! > " + file + "; sleep 0.1"}))
	if end != "ok" {
		t.Errorf("ended %q", end)
	}
	if !leaktest.Alive("4711.4") {
		t.Error("it was ended with its command, which ended by itself")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	leaktest.Eventually(t, "yes ends", func() bool { return !leaktest.Alive("4711.4") })
}

func TestCloseEndsEverything(t *testing.T) {
	s := newServer(t)
	res := s.open(t.Context(), command.Spec{Command: "echo up; sleep 4711.5"})
	in := bufio.NewReader(res.Body)
	for {
		if line, err := in.ReadString('\n'); err != nil || strings.Contains(line, `"up"`) {
			break
		}
	}
	s.manager.Close()
	if leaktest.Alive("4711.5") {
		t.Error("a process is left")
	}
	rest := new(strings.Builder)
	if _, err := in.WriteTo(rest); err != nil || !strings.Contains(rest.String(), `"evalue":"-1"`) {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	var f *fault.Error
	if _, err := s.manager.Start(command.Spec{Command: "true"}); !errors.As(err, &f) || f.Kind != fault.Unavailable {
		t.Errorf("a start after Close: %v", err)
	}
}
