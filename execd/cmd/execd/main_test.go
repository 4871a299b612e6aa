package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built as it is shipped.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "execd")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "execd")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// daemon is a running process of the binary whose log says where it listens.
type daemon struct {
	cmd *exec.Cmd
	url string
	log *log
}

// log gathers what a process writes and tells of each line.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) read(r io.Reader) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		l.mu.Lock()
		l.text.WriteString(in.Text() + "\n")
		l.mu.Unlock()
		select {
		case l.lines <- in.Text():
		default:
		}
	}
	close(l.lines)
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// start starts cmd and waits until a daemon listens.
func start(t *testing.T, cmd *exec.Cmd) *daemon {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{cmd: cmd, log: &log{lines: make(chan string, 1000)}}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	done := make(chan struct{})
	go func() { defer close(done); d.log.read(r) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		r.Close()
		<-done
	})
	d.waitListening(t)
	return d
}

func (d *daemon) waitListening(t *testing.T) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-d.log.lines:
			if !ok {
				t.Fatalf("it ended: %s", d.log)
			}
			if m := listening.FindStringSubmatch(line); m != nil {
				d.url = "http://" + m[1]
				return
			}
		case <-deadline:
			t.Fatalf("it does not listen: %s", d.log)
		}
	}
}

// do sends a request with a token and gives status and body.
func (d *daemon) do(t *testing.T, method, path, token, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-EXECD-ACCESS-TOKEN", token)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

var texts = regexp.MustCompile(`"type":"std(?:out|err)","timestamp":\d+,"text":"([^"]*)"`)

// command runs one and gives its lines joined by "|".
func (d *daemon) command(t *testing.T, token, command string) string {
	t.Helper()
	status, body := d.do(t, "POST", "/command", token, fmt.Sprintf(`{"command":%q}`, command))
	if status != 200 {
		t.Fatalf("%s: %d %s", command, status, body)
	}
	var lines []string
	for _, m := range texts.FindAllStringSubmatch(body, -1) {
		lines = append(lines, m[1])
	}
	return strings.Join(lines, "|")
}

// eventually waits for what other processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

const secret = "s3cret-t0ken"

func TestTheTokenOfABareDaemonIsInNoEnvironment(t *testing.T) {
	cmd := exec.Command(binary, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+secret, "EXECD_OTHER=1", "KEPT=kept")
	d := start(t, cmd)
	if status, _ := d.do(t, "GET", "/ping", "", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := d.do(t, "GET", "/ping", secret, ""); status != 200 {
		t.Errorf("with the token: %d", status)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid))
	if err != nil || strings.Contains(string(environ), secret) || !strings.Contains(string(environ), "KEPT=kept") {
		t.Errorf("environment of the daemon: %q, %v", environ, err)
	}
	if got := d.command(t, secret, "env | grep -c EXECD; echo $KEPT; ls /proc/self/fd | wc -l"); got != "0|kept|4" {
		t.Errorf("environment and descriptors of a command: %s", got)
	}
	if strings.Contains(d.log.String(), secret) {
		t.Errorf("the log has the token: %s", d.log)
	}
}

func TestTheTokenFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, exec.Command(binary, "--listen", "127.0.0.1:0", "--token-file", file))
	for token, want := range map[string]int{secret: 200, "": 401, secret + "\n": 401} {
		if strings.HasSuffix(token, "\n") {
			continue // no header can hold it
		}
		if status, _ := d.do(t, "GET", "/ping", token, ""); status != want {
			t.Errorf("%q: %d", token, status)
		}
	}
}

func TestWhatStopsItFromStarting(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		part   string
	}{
		{[]string{"--token-file", empty}, 1, "holds no token"},
		{[]string{"--token-file", "/no/such"}, 1, "no such file"},
		{[]string{"--listen", "nonsense"}, 1, "nonsense"},
		{[]string{"--nonsense"}, 80, "unknown flag"},
		{[]string{"supervise"}, 80, "expected"},
		{[]string{"supervise", "--await", "--", "true"}, 80, "expected"},
		{[]string{"supervise", "--await"}, 125, "nobody wanted this container"}, // its input is empty
		{[]string{"supervise", "--"}, -1, "needs a program"},
	} {
		out, err := exec.Command(binary, c.args...).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || c.status > 0 && exit.ExitCode() != c.status || !strings.Contains(string(out), c.part) {
			t.Errorf("%v: %v %s", c.args, err, out)
		}
	}
}

func TestOpenToAnyoneIsSaid(t *testing.T) {
	d := start(t, exec.Command(binary, "--listen", "127.0.0.1:0"))
	if status, _ := d.do(t, "GET", "/ping", "anything", ""); status != 200 || !strings.Contains(d.log.String(), "open to anyone") {
		t.Errorf("%d; %s", status, d.log)
	}
}

func TestSIGTERMEndsCommandsAndThenTheDaemon(t *testing.T) {
	d := start(t, exec.Command(binary, "--listen", "127.0.0.1:0"))
	res, err := http.Post(d.url+"/command", "application/json", strings.NewReader(`{"command":"echo up=$$; sleep 60"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	pid := ""
	for pid == "" {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(line, "up="); ok {
			pid, _, _ = strings.Cut(after, `"`)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(in)
	if err != nil || !strings.Contains(string(rest), `"evalue":"-1"`) {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if _, err := os.Stat("/proc/" + pid); err == nil {
		t.Errorf("the command is left: process %s", pid)
	}
}

func TestStartsFast(t *testing.T) {
	best := time.Hour
	for range 10 {
		cmd := exec.Command(binary, "--listen", "127.0.0.1:0")
		began := time.Now()
		d := start(t, cmd)
		if status, _ := d.do(t, "GET", "/ping", "", ""); status != 200 {
			t.Fatal(status)
		}
		best = min(best, time.Since(began))
		_ = cmd.Process.Kill()
	}
	t.Logf("exec to first ping, best of 10: %s", best)
	if info, err := os.Stat(binary); err != nil || info.Size() > 15<<20 {
		t.Errorf("binary of %d bytes", info.Size())
	}
}
