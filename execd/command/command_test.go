package command_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

func TestEventsOfACommand(t *testing.T) {
	s := newServer(t, "EXECD_ACCESS_TOKEN=secret", "EXECD_X=1", "KEPT=kept")
	for _, c := range []struct {
		name, command string
		texts         []string
		end           string
	}{
		{"nothing", "true", nil, "ok"},
		{"both outputs", "echo a; echo b >&2", []string{"err:b", "out:a"}, "ok"},
		{"lines, an empty one, the last without end", `printf 'a\n\nb'`, []string{"out:a", "out:\n", "out:b"}, "ok"},
		{"an exit code", "echo x; exit 7", []string{"out:x"}, "7"},
		{"not found", "exec 2>/dev/null; no-such-program-here", nil, "127"},
		{"a signal to itself", "echo x; kill -9 $$", []string{"out:x"}, "-1"},
		{"a killed child", "sleep 60 & kill -9 $!; wait $! 2>/dev/null; exit $?", nil, "137"},
		{"a character over two writes", `printf '\342\202'; sleep 0.02; printf '\254\n'`, []string{"out:€"}, "ok"},
		{"a character over two writes and a long time", `printf 'a\342'; sleep 0.2; printf '\202\254\n'`, []string{"out:a", "out:€"}, "ok"},
		{"a prompt and its answer", `printf 'name? '; sleep 0.2; echo Ann; echo x`, []string{"out:name? ", "out:Ann", "out:x"}, "ok"},
		{"a line end alone after a prompt", `printf 'wait'; sleep 0.2; echo; echo x`, []string{"out:wait", "out:x"}, "ok"},
		{"parts within 100 ms", `printf a; sleep 0.01; printf b; sleep 0.01; echo c`, []string{"out:abc"}, "ok"},
		{"no input", "cat; echo end", []string{"out:end"}, "ok"},
		{"outputs closed before the end", "exec >&- 2>&-; exit 5", nil, "5"},
		{"nothing of the daemon's environment", "env | grep -c EXECD_; echo $KEPT", []string{"out:0", "out:kept"}, "ok"},
		{"bash, where there is one", "[[ a == a ]] && echo ${BASH_VERSION:+bash}", []string{"out:bash"}, "ok"},
		{"a process group of its own", "read -r _ _ _ _ pgrp _ </proc/$$/stat; [ $pgrp = $$ ] && echo own", []string{"out:own"}, "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			texts, end := outcome(t, s.run(command.Spec{Command: c.command}))
			if c.name == "both outputs" { // the order between the two is not kept
				slices.Sort(texts)
			}
			if diff := cmp.Diff(c.texts, texts); diff != "" || end != c.end {
				t.Errorf("ended %q, want %q; texts, want -, got +:\n%s", end, c.end, diff)
			}
		})
	}
}

func TestOptionsOfACommand(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: other users can only be taken by root")
	}
	s := newServer(t, "HOME=/root", "A=old")
	dir := t.TempDir()
	uid, gid, root := uint32(1), uint32(7), uint32(0)
	unnamed := uint32(54321)
	// The temporary directories of tests are closed to others, so that only root can enter this one.
	for _, c := range []struct {
		name string
		spec command.Spec
		want []string
	}{
		{"cwd", command.Spec{Command: "pwd", Dir: dir}, []string{"out:" + dir}},
		{"envs", command.Spec{Command: "echo $A $B", Env: map[string]string{"A": "new", "B": "x=y"}}, []string{"out:new x=y"}},
		{"uid", command.Spec{Command: "id -u; id -g; echo $USER", UID: &uid}, []string{"out:1", "out:1", "out:daemon"}},
		{"uid and gid", command.Spec{Command: "id -u; id -g", UID: &uid, GID: &gid}, []string{"out:1", "out:7"}},
		{"own uid", command.Spec{Command: "id -u", UID: &root}, []string{"out:0"}},
		{"a uid without a name has no groups", command.Spec{Command: "id -G; echo $HOME", UID: &unnamed}, []string{"out:54321", "out:/root"}},
		{"envs win over what the user brings", command.Spec{Command: "echo $HOME", UID: &uid, Env: map[string]string{"HOME": "/h"}}, []string{"out:/h"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			texts, end := outcome(t, s.run(c.spec))
			if diff := cmp.Diff(c.want, texts); diff != "" || end != "ok" {
				t.Errorf("ended %q; texts, want -, got +:\n%s", end, diff)
			}
		})
	}
}

func TestWhatCanNotBeStarted(t *testing.T) {
	s := newServer(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	id := uint32(1)
	for _, c := range []struct {
		name, part string
		spec       command.Spec
	}{
		{"cwd is not there", "not a directory", command.Spec{Dir: "/no/such/dir"}},
		{"cwd is a file", "not a directory", command.Spec{Dir: file}},
		{"cwd is closed to the user", "cwd", command.Spec{Dir: filepath.Dir(file), UID: &id}},
		{"gid alone", "needs uid", command.Spec{GID: &id}},
		{"NUL in the command", "NUL", command.Spec{Command: "echo \x00"}},
		{"NUL in cwd", "NUL", command.Spec{Dir: "/\x00"}},
		{"NUL in envs", "NUL", command.Spec{Env: map[string]string{"A": "\x00"}}},
		{"a name that is empty", "envs", command.Spec{Env: map[string]string{"": "x"}}},
		{"a name that can't be", "envs", command.Spec{Env: map[string]string{"A=B": "x"}}},
		{"too long", "too long", command.Spec{Command: strings.Repeat(":", 200<<10)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ran := filepath.Join(t.TempDir(), "ran")
			if c.spec.Command == "" {
				c.spec.Command = "touch " + ran
			}
			_, err := s.manager.Start(c.spec)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || !strings.Contains(f.Message, c.part) {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("it was run all the same")
			}
		})
	}
}

func TestAUserThatCanNotBeTaken(t *testing.T) {
	if os.Geteuid() == 0 { // runs itself without the right to
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestAUserThatCanNotBeTaken$", "-test.v")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	m := command.NewManager(command.Config{})
	defer m.Close()
	other := uint32(1)
	_, err := m.Start(command.Spec{Command: "true", UID: &other})
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid || !strings.Contains(f.Message, "uid 1 can't be taken") {
		t.Errorf("%v", err)
	}
	s := newServer(t)
	own, group := uint32(os.Geteuid()), uint32(os.Getegid())
	if _, end := outcome(t, s.run(command.Spec{Command: "true", UID: &own, GID: &group})); end != "ok" {
		t.Errorf("its own user: %s", end)
	}
}

func TestASlowReaderLosesNothingAndMemoryStaysBounded(t *testing.T) {
	s := newServer(t)
	const lines = 400_000 // some 32 MB of text, 56 MB of events
	res := s.open(t.Context(), command.Spec{Command: fmt.Sprintf("seq -f '%%080.0f' 1 %d", lines)})
	in := bufio.NewReaderSize(res.Body, 4096)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	next := 1
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		if next == lines/2 { // half-way, while everything waits for this reader
			pause := time.NewTimer(300 * time.Millisecond)
			<-pause.C
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
		if strings.Contains(line, `"stdout"`) {
			if !strings.Contains(line, fmt.Sprintf(`"%080d"`, next)) {
				t.Fatalf("line %d came as %s", next, line)
			}
			next++
		}
	}
	if next != lines+1 {
		t.Errorf("%d lines, want %d", next-1, lines)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func TestLongLinesAndManyLinesComeWhole(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		command string
		size    int // of all texts
		most    int // events of output
	}{
		"one line, almost too long": {"head -c 1048576 /dev/zero | tr '\\0' x; echo", 1 << 20, 11},
		"one line of 3 MiB":         {"head -c 3145728 /dev/zero | tr '\\0' x", 3 << 20, 40},
		"NUL bytes":                 {"head -c 1000000 /dev/zero", 1000000, 20},
		"100,000 lines":             {"yes x | head -100000", 100000, 100000},
	} {
		t.Run(name, func(t *testing.T) {
			texts, end := outcome(t, s.run(command.Spec{Command: c.command}))
			if n := len(strings.ReplaceAll(strings.Join(texts, ""), "out:", "")); n != c.size || end != "ok" || len(texts) > c.most {
				t.Errorf("%d bytes in %d events, ended %q", n, len(texts), end)
			}
		})
	}
}

func TestOutputIsLive(t *testing.T) {
	s := newServer(t)
	events := s.run(command.Spec{Command: "echo first; printf prompt; sleep 1.5; echo; echo last"})
	for _, e := range events {
		if late := e.Text == "first" || e.Text == "prompt" || e.Type == "init"; late && e.at > 1200*time.Millisecond {
			t.Errorf("%s %q came after %s", e.Type, e.Text, e.at)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	s := newServer(t)
	for i := range 50 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			own := &server{t: t, manager: s.manager, http: s.http, specs: s.specs}
			if _, end := outcome(t, own.run(command.Spec{Command: "echo a; exit 3"})); end != "3" {
				t.Errorf("ended %q", end)
			}
		})
	}
}
