package code_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

func TestBashRunsPieces(t *testing.T) {
	s := newServer(t, "EXECD_ACCESS_TOKEN=secret")
	c := s.create("bash")
	dir := t.TempDir()
	for _, p := range []struct{ code, out, failure string }{
		{"", "", ""},
		{"# nothing", "", ""},
		{"echo é; printf '%s\\n' 'a b' ''", "é\na b\n\n", ""},
		{"echo e >&2", "err:e\n", ""},
		{"declare -A m=([k]=v); declare n=1; a=(1 2); f() { echo \"f $1\"; }; cd /; export E=e; alias q=w", "", ""},
		{"echo ${m[k]} $n ${a[1]}; f x; pwd; bash -c 'echo $E'", "v 1 2\nf x\n/\ne\n", ""},
		{"(exit 7)", "", "CommandExecError: 7"},
		{"nosuchcommand", "err:bash: line 1: nosuchcommand: command not found\n", "CommandExecError: 127"},
		{"if", "err:bash: eval: line 2: syntax error: unexpected end of file\n", "CommandExecError: 2"},
		{"echo 'a", "err:bash: eval: line 1: unexpected EOF while looking for matching `''\n", "CommandExecError: 2"},
		{"for i in 1 2; do echo $i; done\n\ncat <<X\nhere\nX", "1\n2\nhere\n", ""},
		{"read line; echo \"read $? '$line'\"", "read 1 ''\n", ""},
		{"env | grep -c ^EXECD || true", "0\n", ""},
		{"echo $n; set -x; n=2", "1\nerr:+++ n=2\n", ""},
		{"n=3", "err:+++ n=3\n", ""},
		{"set +x; echo $n", "3\nerr:+++ set +x\n", ""},
		{"set -u; echo $n", "3\n", ""},
		{"set +u; IFS=x; set -f", "", ""},
		{"unset IFS; set +f; set -o posix", "", ""},
		{"set +o posix; break 5; continue 7; echo on", "on\nerr:bash: line 1: break: only meaningful in a loop\n", "skip"},
		{"exec 3>" + dir + "/three; echo three >&3", "", ""},
		{"echo more >&3; exec 3>&-; cat " + dir + "/three", "three\nmore\n", ""},
		{"[[ -e /proc/self/fd/250 ]]; ls -l /proc/$$/fd | grep -c socket; ls -l /proc/self/fd | grep -c socket", "1\n0\n", "CommandExecError: 1"},
		{"trap 'echo debug' DEBUG; true", "debug\n", "skip"},
		{"trap - DEBUG", "debug\n", "skip"},
		{"read() { echo mine; }; printf() { echo mine; }; eval() { echo mine; }; trap() { echo mine; }", "", ""},
		{"read", "mine\n", ""},
		{"echo ${#E}", "1\n", ""},
	} {
		o := s.run(c, p.code)
		if p.failure == "skip" { // only that it goes on matters
			continue
		}
		out := o.out
		if o.err != "" {
			out += "err:" + o.err
		}
		if strings.HasPrefix(p.out, "err:bash: eval") && strings.HasPrefix(out, "err:bash: ") { // worded anew by each version
			out = p.out
		}
		if out != p.out || o.failure != p.failure || len(o.status) > 0 {
			t.Errorf("%s\n  output %.200q\n  failure %q %v", p.code, out, o.failure, o.status)
		}
	}
}

func TestBashOutputIntoAFileDoesNotHangIt(t *testing.T) {
	s := newServer(t)
	c := s.create("bash")
	file := filepath.Join(t.TempDir(), "log")
	s.well(c, "exec 7>&1 >"+file)
	if o := s.run(c, "echo kept"); o.out != "" || o.failure != "" {
		t.Errorf("%+v", o)
	}
	s.well(c, "exec >&7 7>&-")
	if o := s.run(c, "cat "+file); o.out != "kept\n" {
		t.Errorf("%+v", o)
	}
	s.well(c, "exec >&- 2>&-")
	if o := s.run(c, "true"); o.failure != "" {
		t.Errorf("%+v", o)
	}
}

func TestBashInterruptsUnwindEverything(t *testing.T) {
	s := newServer(t)
	c := s.create("bash")
	s.well(c, "x=41")
	for _, text := range []string{
		"f() { echo go; while :; do :; done; echo NO; }; f; echo NO; echo NO",
		"g() { f; echo NO; }; for i in 1 2; do g; echo NO; done; echo NO",
		"(echo go; while :; do :; done); echo NO",
		"echo go; y=$(sleep 60; echo NO); echo NO",
		"echo go; sleep 60 | cat; echo NO",
		"echo go; sleep 60 & wait; echo NO",
		"echo go; while sleep 60; do echo NO; done < <(yes)",
		"if f; then echo NO; else echo NO; fi; f && echo NO || echo NO",
		"set -e; f; set +e; echo NO",
		"set +e; source /dev/stdin <<< 'f; echo NO'; echo NO",
		"case x in x) f; echo NO;; esac; { f; echo NO; }; echo NO",
		"echo go; read line < <(sleep 60); echo NO",
	} {
		f := s.open(c, text)
		f.until("go")
		start := time.Now()
		if err := s.manager.Interrupt(c.ID); err != nil {
			t.Fatal(err)
		}
		if o := f.rest(); o.failure != "CommandExecError: 130" || strings.Contains(o.out+o.err, "NO") || time.Since(start) > 2*time.Second {
			t.Errorf("%s: %+v", text, o)
		}
		if o := s.run(c, "echo $x $-; trap -p DEBUG"); !strings.HasPrefix(o.out, "41 ") || strings.Contains(o.out, "DEBUG") {
			t.Fatalf("after %s: %+v", text, o)
		}
	}
}

func TestBashExits(t *testing.T) {
	s := newServer(t)
	c := s.create("bash")
	for text, want := range map[string]string{
		"exit 5":                "CommandExecError: 5",
		"set -e; false; true":   "CommandExecError: 1",
		"exit":                  "KernelDied: it exited with status 0",
		"kill -TERM $$":         "KernelDied: it was ended by signal 15 (SIGTERM)",
		"exec true":             "KernelDied: it exited with status 0",
		"kill -KILL 0":          "KernelDied: it was ended by signal 9 (SIGKILL), as happens when there is no memory left",
		"sleep 60.375 & exit 6": "CommandExecError: 6",
	} {
		if o := s.run(c, text); o.failure != want {
			t.Errorf("%s: %q", text, o.failure)
		}
		if o := s.run(c, "echo new"); o.out != "new\n" || len(o.status) != 1 {
			t.Errorf("after %s: %+v", text, o)
		}
	}
	leaktest.Eventually(t, "what it left behind is gone", func() bool { return !leaktest.Alive("60.375") })
}
