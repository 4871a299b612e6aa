package session_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestTimeoutEndsTheRunAndNotTheSession(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create("")
		s.expect(id, "cd /tmp; v=kept; sleep "+s.mark+".1 & (while :; do sleep 0.02; done) & other=$!", "ok")
		for _, c := range []struct {
			command string
			most    time.Duration
		}{
			{"sleep " + s.mark + ".2", 2 * time.Second},
			{"sleep " + s.mark + ".2 & sleep " + s.mark + ".2", 2 * time.Second},
			{"while :; do :; done", 2 * time.Second},
			{"cd /; v=lost; sleep " + s.mark + ".2; echo not reached", 2 * time.Second},
			{"trap '' TERM; sleep " + s.mark + ".2", 5 * time.Second},
			{"exec sleep " + s.mark + ".2", 2 * time.Second},
			{"sleep " + s.mark + ".2 | cat", 2 * time.Second},
		} {
			start := time.Now()
			texts, end := s.run(id, session.Spec{Command: "echo up; " + c.command, Timeout: 200 * time.Millisecond})
			if took := time.Since(start); end != "-1" || took > c.most || len(texts) < 1 || texts[0] != "out:up" || strings.Contains(fmt.Sprint(texts), "reached") {
				t.Errorf("%s: ended %q after %s, %q", c.command, end, took, texts)
			}
			if leaktest.Alive(s.mark + ".2") {
				t.Errorf("%s: a process is left", c.command)
			}
			s.expect(id, "pwd; echo $v; kill -0 $other && echo lives", "ok", "out:/tmp", "out:kept", "out:lives")
		}
		if err := s.manager.Delete(id); err != nil {
			t.Fatal(err)
		}
		if leaktest.Alive(s.mark + ".1") {
			t.Error("deleting left a process")
		}
	})
}

func TestACwdIsForOneRun(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "it's -here"), 0o700); err != nil {
			t.Fatal(err)
		}
		id := s.create("/tmp")
		for _, c := range []struct{ dir, command, end string }{{dir, "pwd; cd /usr", "ok"}, {dir + "/it's -here", "pwd; break", "ok"}, {dir, "pwd; exit 3", "3"}, {dir, "pwd; (exit 4)", "4"}} {
			texts, end := s.run(id, session.Spec{Command: c.command, Dir: c.dir})
			if !cmp.Equal(texts, []string{"out:" + c.dir}) || end != c.end {
				t.Errorf("%s: %q, ended %q", c.command, texts, end)
			}
			s.expect(id, "pwd", "ok", "out:/tmp")
		}
		var f *fault.Error
		for _, bad := range []string{"/no/such", "/etc/passwd", "/\x00"} {
			if _, err := s.manager.Run(id, session.Spec{Command: "true", Dir: bad}); !errors.As(err, &f) || f.Kind != fault.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, end := s.run(id, session.Spec{Command: "echo no", Dir: "no/such"}); end == "ok" {
			t.Error("a relative cwd that is not there")
		}
	})
}

func TestWhatARunLeavesBehind(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create("")
		start := time.Now()
		texts, end := s.run(id, session.Spec{Command: "(sleep 0.6; echo late; echo later >&2) & (while :; do echo again; sleep 0.01; done) & echo now >&2"})
		if took := time.Since(start); took > time.Second || end != "ok" || !slices.Contains(texts, "err:now") || slices.Contains(texts, "out:late") {
			t.Errorf("ended %q after %s, %q", end, took, texts)
		}
		for range 20 {
			s.expect(id, "sleep 0.05; echo mine", "ok", "out:mine")
		}
	})
}

func TestRunsWaitTheirTurn(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create("")
		s.expect(id, "n=0", "ok")
		var g sync.WaitGroup
		for range 10 {
			g.Go(func() { s.expect(id, "m=$n; sleep 0.01; n=$((m+1))", "ok") })
		}
		g.Wait()
		s.expect(id, "echo $n", "ok", "out:10")
	})
}

func TestAClientThatLeavesEndsItsRun(t *testing.T) {
	s := newServer(t, "")
	id := s.create("")
	s.expect(id, "v=kept", "ok")
	for _, command := range []string{"sleep 4721.4", "while :; do echo 4721.4; done", "sleep 4721.4 & wait"} {
		ctx, cancel := context.WithCancel(t.Context())
		res := s.open(ctx, id, session.Spec{Command: command})
		if _, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		cancel()
		res.Body.Close()
		s.expect(id, "echo $v", "ok", "out:kept")
		if leaktest.Alive("4721.4") {
			t.Errorf("%s: a process is left", command)
		}
	}
}

func TestDeleteEndsEverything(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		for _, c := range []struct{ name, before, during string }{
			{"idle", "true", ""},
			{"a background job", "sleep " + s.mark + ".5 & (trap '' HUP; sleep " + s.mark + ".5) &", ""},
			{"a run", "true", "sleep " + s.mark + ".5"},
			{"a busy shell after another", "exit 1", "while :; do :; done"},
		} {
			id := s.create("")
			_, _ = s.run(id, session.Spec{Command: c.before})
			var g sync.WaitGroup
			if c.during != "" {
				res := s.open(t.Context(), id, session.Spec{Command: "echo up; " + c.during})
				in := bufio.NewReader(res.Body)
				for {
					if line, err := in.ReadString('\n'); err != nil || strings.Contains(line, `"up"`) {
						break
					}
				}
				g.Go(func() {
					defer res.Body.Close()
					rest := new(strings.Builder)
					if _, err := in.WriteTo(rest); err != nil || !strings.Contains(rest.String(), `"evalue":"-1"`) {
						t.Errorf("%s: the run ended with %q, %v", c.name, rest, err)
					}
				})
			}
			start := time.Now()
			if err := s.manager.Delete(id); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s: it took %s", c.name, took)
			}
			g.Wait()
			var f *fault.Error
			if _, err := s.manager.Run(id, session.Spec{Command: "true"}); !errors.As(err, &f) || f.Kind != fault.Missing {
				t.Errorf("%s: a run afterwards: %v", c.name, err)
			}
			if err := s.manager.Delete(id); !errors.As(err, &f) || f.Kind != fault.Missing {
				t.Errorf("%s: once more: %v", c.name, err)
			}
		}
		if leaktest.Alive(s.mark + ".5") {
			t.Error("a process is left")
		}
	})
}

func TestAShellThatIsKilledFromOutside(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		mark := filepath.Join(t.TempDir(), "mark")
		id := s.create("/tmp")
		s.expect(id, "(sleep 0.1; kill -9 $$) >/dev/null 2>&1 & v=1; cd /", "ok")
		s.expect(id, "v=2; echo waiting; sleep 5", "-1", "out:waiting")
		s.expect(id, "echo $v; pwd", "ok", "out:1", "out:/")

		id = s.create("/tmp")
		s.expect(id, "(kill -9 $$; : >"+mark+") >/dev/null 2>&1 & v=1; cd /; sleep 5", "-1")
		s.expect(id, "echo $v; pwd", "ok", "out:\n", "out:/tmp")

		id = s.create("/tmp")
		s.expect(id, "rm "+mark+"; (sleep 0.1; kill -9 $$; : >"+mark+") >/dev/null 2>&1 & v=1; cd /", "ok")
		leaktest.Eventually(t, "it has been killed", func() bool { _, err := os.Stat(mark); return err == nil })
		s.expect(id, "echo $v; pwd", "ok", "out:\n", "out:/tmp") // no copy stood by: a fresh one
	})
}

func TestLargeCommandsAndLargeOutput(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create("")
		s.expect(id, "v='"+strings.Repeat("x", 200<<10)+"'\n"+strings.Repeat(": line\n", 20000)+"echo ${#v}", "ok", "out:204800")
		if texts, end := s.run(id, session.Spec{Command: "seq 1 200000; echo end >&2"}); len(texts) != 200001 || end != "ok" {
			t.Errorf("%d lines, ended %q", len(texts), end)
		}
	})
}

func TestTheChannelIsClosedToRuns(t *testing.T) {
	const list = "ls /proc/self/fd | sort -n | tr '\\n' ' '"
	bare, err := exec.Command("sh", "-c", list).Output() // what a test inherits
	if err != nil {
		t.Fatal(err)
	}
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create("")
		s.expect(id, list, "ok", "out:"+string(bare))
		s.expect(id, "exit 1", "1")
		s.expect(id, list, "ok", "out:"+string(bare))
	})
}

func TestSessionsWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "")
	s.manager.Close()
	s.manager = session.NewManager(session.Config{Dir: file, Log: slog.New(slog.DiscardHandler)})
	id := s.create("")
	if texts, end := s.run(id, session.Spec{Command: "echo x"}); end != "-1" || texts != nil {
		t.Errorf("ended %q, %q", end, texts)
	}
}
