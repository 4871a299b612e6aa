package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asFirst makes a command that runs the binary as PID 1 of a process namespace of its own.
func asFirst(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a process namespace can only be made by root")
	}
	if err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").Run(); err != nil {
		t.Skip("SKIPPED: no process namespace can be made here: ", err)
	}
	cmd := exec.Command("unshare", append([]string{"--pid", "--fork", "--kill-child", "--mount-proc", binary, "supervise"}, args...)...)
	cmd.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+secret, "KEPT=kept")
	cmd.Dir = "/"
	return cmd
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestItEndsAsTheEntrypointEnds(t *testing.T) {
	dir := t.TempDir()
	script := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := script("plain", "x", 0o644)
	noInterpreter := script("script", "#!/no/such/interpreter -x\n", 0o755)
	noProgram := script("noprogram", "nothing that runs\n", 0o755)
	elf, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	loader := "/lib64/ld-linux-x86-64.so.2"
	noLoader := script("noloader", strings.Replace(string(elf), loader, "/lib64/no-linux-x86-64.so.2", 1), 0o755)
	for _, c := range []struct {
		entrypoint []string
		status     int
		part       string
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"sh", "-c", "exit 7"}, 7, ""},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, ""},
		{[]string{"sh", "-c", "echo $0 $KEPT $EXECD_ACCESS_TOKEN.", "--flag"}, 0, "--flag kept .\n"},
		{[]string{"no-such-program"}, 127, `"no-such-program": not found in any directory of PATH`},
		{[]string{"/no/such/program"}, 127, `"/no/such/program": there is no such file`},
		{[]string{plain}, 126, "permission denied"},
		{[]string{"/etc"}, 126, "can't be executed"},
		{[]string{noInterpreter}, 127, `needs "/no/such/interpreter" to start`},
		{[]string{noProgram}, 126, "is no program for this machine"},
		{[]string{noLoader}, 127, `needs "/lib64/no-linux-x86-64.so.2" to start`},
	} {
		t.Run(strings.Join(c.entrypoint, " "), func(t *testing.T) {
			out, err := asFirst(t, append([]string{"--listen", "127.0.0.1:0", "--"}, c.entrypoint...)...).CombinedOutput()
			status := 0
			if exit, ok := err.(*exec.ExitError); ok {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != c.status || !strings.Contains(string(out), c.part) {
				t.Errorf("status %d, want %d: %s", status, c.status, out)
			}
		})
	}
}

func TestAsFirstProcess(t *testing.T) {
	cmd := asFirst(t, "--listen", freeAddress(t), "--", "sh", "-c", `trap 'echo got USR1' USR1; trap 'exit 9' TERM; echo entrypoint; while :; do sleep 0.05; done`)
	d := start(t, cmd)

	t.Run("the token is in no environment and no command line", func(t *testing.T) {
		got := d.command(t, secret, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' '\\\\n' | grep -c "+secret[:6]+"''"+secret[6:])
		if got != "0" {
			t.Errorf("it is in %s places", got)
		}
		if got := d.command(t, secret, "env | grep -c EXECD"); got != "0" {
			t.Errorf("%s variables of the daemon in a command", got)
		}
	})
	t.Run("orphans are reaped", func(t *testing.T) {
		d.command(t, secret, "for i in $(seq 50); do (sh -c 'exit 3' & exit) ; done")
		eventually(t, "no zombie is left", func() bool {
			return d.command(t, secret, "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l") == "0"
		})
	})
	t.Run("exit codes of commands are right", func(t *testing.T) {
		for i := range 100 {
			_, body := d.do(t, "POST", "/command", secret, fmt.Sprintf(`{"command":"exit %d"}`, i+1))
			if !strings.Contains(body, fmt.Sprintf(`"evalue":"%d"`, i+1)) {
				t.Fatalf("exit %d came as %s", i+1, body)
			}
		}
	})
	t.Run("a daemon that dies comes back", func(t *testing.T) {
		pid := daemonPID(t, d)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.waitListening(t)
		if got := d.command(t, secret, "echo back"); got != "back" {
			t.Errorf("%q", got)
		}
		if again := daemonPID(t, d); again == pid {
			t.Error("it is the same process")
		}
	})
	t.Run("signals reach the entrypoint", func(t *testing.T) {
		first := childOf(t, cmd.Process.Pid)
		if err := syscall.Kill(first, syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the entrypoint got it", func() bool { return strings.Contains(d.log.String(), "got USR1") })
		if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 9 {
			t.Errorf("exit %v", err)
		}
	})
	if strings.Contains(d.log.String(), secret) {
		t.Errorf("the log has the token: %s", d.log)
	}
}

// childOf is the pid of the only child of a process.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscan(string(b), &child); err != nil {
		t.Fatal(err)
	}
	return child
}

// daemonPID finds the daemon below the first process, by its command line.
func daemonPID(t *testing.T, d *daemon) int {
	t.Helper()
	first := childOf(t, d.cmd.Process.Pid)
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", first)) // of each thread that forked
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for pid := range strings.FieldsSeq(string(b)) {
			if cmdline, _ := os.ReadFile("/proc/" + pid + "/cmdline"); strings.HasPrefix(string(cmdline), binary) {
				n, _ := strconv.Atoi(pid)
				return n
			}
		}
	}
	t.Fatalf("no daemon below %d", first)
	return 0
}

func TestAPreparedContainerRunsWhatItIsOrdered(t *testing.T) {
	for _, c := range []struct {
		order, out string
		status     int
	}{
		{`{"entrypoint":["sh","-c","echo $A $KEPT $EXECD_ACCESS_TOKEN.; read x || echo end; exit 7"],"env":{"A":"b c","KEPT":"new","EXECD_X":"y"},"token":"t"}` + "\n", "b c new .\nend\n", 7},
		{`{"entrypoint":["no-such-program"]}` + "\n", "not found in any directory of PATH", 127},
		{`{"entrypoint":["true"]}`, "nobody wanted this container", 125}, // cut off
		{"{}\n", "nobody wanted this container", 125},
	} {
		cmd := exec.Command(binary, "supervise", "--listen", "127.0.0.1:0", "--await")
		cmd.Env = append(os.Environ(), "KEPT=kept")
		cmd.Stdin = strings.NewReader(c.order)
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != c.status || !strings.Contains(string(out), c.out) {
			t.Errorf("%s: %v, want status %d: %s", c.order, err, c.status, out)
		}
	}
}

func TestNotFirstItStillReapsAndTakesTheDaemonAlong(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "supervise", "--listen", "127.0.0.1:0", "--", "sh", "-c",
		"(sh -c 'sleep 0.2; exit 3' &) ; trap 'exit 4' TERM; echo ready > "+ready+"; while :; do sleep 0.05; done")
	cmd.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+secret)
	d := start(t, cmd)
	if _, err := os.ReadFile(ready); err != nil { // waits until the entrypoint has set its trap
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit, ok := cmd.Wait().(*exec.ExitError); !ok || exit.ExitCode() != 4 {
		t.Errorf("exit %v", cmd.ProcessState)
	}
	if conn, err := net.DialTimeout("tcp", strings.TrimPrefix(d.url, "http://"), time.Second); err == nil {
		conn.Close()
		t.Error("the daemon still listens")
	}
}

func TestInAnImageWithNothingButTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can change the root directory")
	}
	root := t.TempDir()
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "execd"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mknod(filepath.Join(root, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Skip("SKIPPED: no device can be made here: ", err)
	}
	if err := syscall.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		t.Skip("SKIPPED: /proc can't be mounted here: ", err)
	}
	defer func() { _ = syscall.Unmount(filepath.Join(root, "proc"), syscall.MNT_DETACH) }()
	cmd := exec.Command("/execd", "supervise", "--listen", "127.0.0.1:0", "--", "/execd", "--listen", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Env, cmd.Dir = []string{"EXECD_ACCESS_TOKEN=" + secret}, "/"
	d := start(t, cmd)
	for { // the entrypoint, the only program there is, is a daemon too, and one without a token
		if status, _ := d.do(t, "GET", "/ping", "wrong", ""); status == 401 {
			break
		}
		d.waitListening(t)
	}
	status, body := d.do(t, "POST", "/command", secret, `{"command":"true"}`)
	if status != 400 || !strings.Contains(body, "there is no shell in this image") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := d.do(t, "GET", "/files/info?path=/execd", secret, ""); status != 200 || !strings.Contains(body, `"owner":"0"`) {
		t.Errorf("%d %s", status, body)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}
