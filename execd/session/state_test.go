package session_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
)

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
