package session_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server runs in sessions as the daemon does.
type server struct {
	*testing.T
	manager *session.Manager
	http    *httptest.Server
	mark    string // of processes
}

// newServer makes one whose shell has that name and no other; "": the first that there is.
func newServer(t *testing.T, shell string) *server {
	t.Helper()
	path := os.Getenv("PATH")
	if shell != "" {
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Skipf("SKIPPED: there is no %s here", shell)
		}
		dir := t.TempDir() // comes before /bin, and bash is the name that is looked for first
		start := "#!/bin/sh\nexec " + program + " \"$@\"\n"
		if shell == "busybox" {
			start = "#!/bin/sh\nexec " + program + " sh \"$@\"\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "bash"), []byte(start), 0o755); err != nil {
			t.Fatal(err)
		}
		path = dir + ":" + path
	}
	s := &server{T: t, manager: session.NewManager(session.Config{Env: []string{"PATH=" + path, "EXECD_TOKEN=x"}, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var spec session.Spec
		if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
			t.Error(err)
		}
		run, err := s.manager.Run(r.URL.Path[1:], spec)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := stream.NewWriter(r.Context(), w)
		defer out.Close()
		run.Stream(r.Context(), out)
	}))
	t.Cleanup(func() {
		s.manager.Close()
		s.http.Client().CloseIdleConnections()
		s.http.Close()
	})
	return s
}

func (s *server) create(dir string) string {
	s.Helper()
	id, err := s.manager.Create(dir)
	if err != nil {
		s.Fatal(err)
	}
	return id
}

func (s *server) open(ctx context.Context, id string, spec session.Spec) *http.Response {
	s.Helper()
	body, _ := json.Marshal(spec)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http.URL+"/"+id, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	return res
}

// run gives what a run wrote to both outputs, a line each, and "ok" or its evalue.
func (s *server) run(id string, spec session.Spec) (texts []string, end string) {
	s.Helper()
	res := s.open(s.Context(), id, spec)
	defer res.Body.Close()
	in := bufio.NewReaderSize(res.Body, 1<<20)
	for n := 0; ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if end == "" {
				s.Errorf("%s: it has no end", spec.Command)
			}
			return texts, end
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var e struct {
			Type, Text string
			Error      struct {
				Ename, Evalue string
				Traceback     []string
			}
		}
		if err := json.Unmarshal(data, &e); err != nil {
			s.Fatal(err)
		}
		switch {
		case (n == 0) != (e.Type == "init") || end != "" || n == 0 && e.Text != id:
			s.Errorf("event %d: %s", n, data)
		case e.Type == "stdout" || e.Type == "stderr":
			texts = append(texts, e.Type[3:]+":"+e.Text)
		case e.Type == "execution_complete":
			end = "ok"
		case e.Type == "error":
			if end = e.Error.Evalue; e.Error.Ename != "CommandExecError" || len(e.Error.Traceback) == 0 {
				s.Errorf("error event: %s", data)
			}
		}
		n++
	}
}

// expect runs a command and compares.
func (s *server) expect(id, command, end string, texts ...string) {
	s.Helper()
	got, gotEnd := s.run(id, session.Spec{Command: command})
	if diff := cmp.Diff(texts, got); diff != "" || gotEnd != end {
		s.Errorf("%s: ended %q, want %q; -want +got:\n%s", command, gotEnd, end, diff)
	}
}

// eachShell runs a test with each kind of shell; mark tells the processes of one from those of the others.
func eachShell(t *testing.T, f func(t *testing.T, s *server)) {
	for i, name := range []string{"bash", "dash", "busybox"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, name)
			s.mark = fmt.Sprint(4721 + i)
			f(t, s)
		})
	}
}

func TestStateIsKept(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		dir := t.TempDir()
		id := s.create(dir)
		s.expect(id, "pwd", "ok", "out:"+dir)
		s.expect(id, "mkdir sub && cd sub; export E=exported; v='a  b'; f() { echo \"f $1\"; }; set -f; umask 027", "ok")
		s.expect(id, "pwd; env | grep ^E=; echo \"$v\"; f x; echo *; umask", "ok", "out:"+dir+"/sub", "out:E=exported", "out:a  b", "out:f x", "out:*", "out:0027")
		s.expect(id, "env | grep -c EXECD; echo $#; echo $1", "ok", "out:0", "out:0", "out:\n")
		other := s.create("")
		s.expect(other, `echo "$v$E"; f 2>/dev/null`, "127", "out:\n")
		s.expect(id, "{ sleep 60 & p=$!; kill $p; wait $p; } 2>/dev/null", "143")
		s.expect(id, "sleep 0.1 & j=$!", "ok")
		s.expect(id, "wait $j; echo waited $?", "ok", "out:waited 0") // the same shell goes on
		s.expect(id, "wait; trap 'echo trapped' USR1", "ok")
		s.expect(id, "kill -USR1 $$; echo x", "ok", "out:trapped", "out:x")
		s.expect(id, "printf '%s\n' 'line\nbreak € \x01\x7f\\n'; echo \"it's\" # comment", "ok", "out:line", "out:break € \x01\x7f\\n", "out:it's")
	})
}

func TestBashKeepsWhatOnlyBashHas(t *testing.T) {
	s := newServer(t, "bash")
	id := s.create("")
	s.expect(id, "declare -A m=([a]=1); arr=(x y); shopt -s extglob; set -o pipefail; alias q='echo alias'", "ok")
	s.expect(id, "declare -i n=3; echo ${m[a]} ${arr[1]} $n; false | true; echo $?; shopt -q extglob; echo $?", "ok", "out:1 y 3", "out:1", "out:0")
	s.expect(id, "echo $BASH_SUBSHELL ${#FUNCNAME[@]}", "ok", "out:0 0")
}

func TestWhatEndsOrUpsetsAShell(t *testing.T) {
	eachShell(t, func(t *testing.T, s *server) {
		id := s.create(t.TempDir())
		s.expect(id, "cd /tmp; v=kept; f() { echo f; }", "ok")
		for _, c := range []struct{ name, command, end string }{
			{"exit", "exit 7", "7"},
			{"exit of nothing", "exit", "ok"},
			{"exit in the second shell", "exit 8", "8"},
			{"exec", "exec true", "ok"},
			{"exec that fails", "exec false", "1"},
			{"set -e", "set -e; false; echo not reached", "1"},
			{"a signal", "kill -9 $$; kill -9 0; sleep 1", "-1|137"},
			{"TERM to itself", "kill $$; kill 0; sleep 1", "-1|143"},
			{"a syntax error", "if then", "2|1"},
			{"an open quote", "echo 'open", "2|1"},
			{"an open brace", "}", "2|127|1"},
			{"an unset variable", "(set -u; : $nope)", "1|2|127"},
			{"an exit after it", "exit 6", "6"},
			{"an error in a subshell", "(readonly r=1; r=2); echo x", "ok|1|2"},
			{"an assignment to a constant", "readonly r=1; r=2", "1|2"},
			{"an expansion that fails", ": ${nope?message}", "1|2|127"},
			{"break", "break", "ok"},
			{"break of all", "break 99", "ok|1"},
			{"continue", "continue", "ok"},
			{"return", "return 3", "1|3|2|ok"},
			{"outputs closed", "exec >&- 2>&- <&-", "ok"},
			{"outputs elsewhere", "exec >/dev/null 2>&1 6>&1 7>&1 8>&1", "ok"},
			{"strange settings", "IFS=abcdef; PATH=; CDPATH=/; set -fu", "ok"},
			{"not found", "PATH=; no-such-program 2>/dev/null", "127"},
		} {
			_, end := s.run(id, session.Spec{Command: c.command + " 2>/dev/null"})
			if c.name == "a syntax error" || strings.HasPrefix(c.name, "an open") {
				_, end = s.run(id, session.Spec{Command: c.command})
			}
			if !strings.Contains("|"+c.end+"|", "|"+end+"|") {
				t.Errorf("%s: ended %q, want %s", c.name, end, c.end)
			}
			if c.name == "a signal" { // the copy is killed too
				s.expect(id, "cd /tmp; v=kept; f() { echo f; }", "ok")
			}
			texts, end := s.run(id, session.Spec{Command: "unset IFS CDPATH; set +fu; PATH=/usr/bin:/bin; pwd; echo $v; f; cat; echo err >&2"})
			if want := []string{"out:/tmp", "out:kept", "out:f"}; end != "ok" || len(texts) != 4 || !cmp.Equal(withoutErr(texts), want) {
				t.Errorf("after %s: ended %q, %q", c.name, end, texts)
			}
		}
	})
}

func withoutErr(texts []string) (out []string) {
	for _, x := range texts {
		if strings.HasPrefix(x, "out:") {
			out = append(out, x)
		}
	}
	return out
}

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
			if alive(s.mark + ".2") {
				t.Errorf("%s: a process is left", c.command)
			}
			s.expect(id, "pwd; echo $v; kill -0 $other && echo lives", "ok", "out:/tmp", "out:kept", "out:lives")
		}
		if err := s.manager.Delete(id); err != nil {
			t.Fatal(err)
		}
		if alive(s.mark + ".1") {
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
		if alive("4721.4") {
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
		if alive(s.mark + ".5") {
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
		eventually(t, "it has been killed", func() bool { _, err := os.Stat(mark); return err == nil })
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

// alive tells whether a process whose command line holds mark is running.
func alive(mark string) bool {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil && e.Name() != fmt.Sprint(os.Getpid()) && strings.Contains(string(b), mark) {
			return true
		}
	}
	return false
}

// eventually waits for a condition that other processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
