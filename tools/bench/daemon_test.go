package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	token       = "t0ken"
	tokenHeader = "X-EXECD-ACCESS-TOKEN"
)

// server is a process that answers over a socket: the daemon under its supervisor, or the references.
type server struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client

	mu  sync.Mutex
	log strings.Builder
}

// binary is what `make build` made.
func binary(b *testing.B, name string) string {
	b.Helper()
	path, err := filepath.Abs("../../bin/" + name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		b.Fatalf("%v; make bench builds it", err)
	}
	return path
}

// startDaemon starts the daemon as it runs in a sandbox: under its supervisor, with a token. The port that says that code
// can be run is left out, as only one of several can have it.
func startDaemon(b *testing.B) *server {
	return start(b, exec.Command(binary(b, "execd"), "supervise", "--listen", "127.0.0.1:0", "--code-port", "0", "--root", b.TempDir(), "--", "sleep", "infinity"), "EXECD_ACCESS_TOKEN="+token)
}

var listening = regexp.MustCompile(`listening address=(\S+)`)

// start starts cmd, which says where it listens on its output.
func start(b *testing.B, cmd *exec.Cmd, env ...string) *server {
	b.Helper()
	s := &server{cmd: cmd, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}}}
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as a daemon has it: the kernel shares processors out by session
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	w.Close()
	address := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case address <- m[1]:
				default:
				}
			}
		}
	}()
	b.Cleanup(func() {
		if cmd.Process.Signal(syscall.SIGTERM) != nil || !waitFor(10*time.Second, func() bool { return cmd.ProcessState != nil || zombie(cmd.Process.Pid) }) {
			for _, pid := range children(cmd.Process.Pid) {
				_ = kill(pid)
			}
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
		<-done
		r.Close()
	})
	select {
	case a := <-address:
		s.url = "http://" + a
	case <-done:
		b.Fatalf("%s did not start: %s", cmd, s.output())
	}
	return s
}

func (s *server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// request sends one with the token; the caller closes the body.
func (s *server) request(ctx context.Context, b *testing.B, method, path, contentType string, body io.Reader) *http.Response {
	b.Helper()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set(tokenHeader, token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := s.client.Do(req)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	return res
}

// whole sends a request and reads the answer, which must be 200. It reports whether the operation is built.
func (s *server) whole(b *testing.B, method, path, body string) (string, bool) {
	b.Helper()
	contentType := ""
	if body != "" {
		contentType = "application/json"
	}
	res := s.request(b.Context(), b, method, path, contentType, strings.NewReader(body))
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode == http.StatusNotImplemented {
		b.ReportMetric(1, notBuilt)
		return "", false
	}
	if res.StatusCode != http.StatusOK {
		b.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return string(text), true
}

// processes are the pids of the daemon's own processes: of its binary, the supervisor first.
func (s *server) processes() []int {
	pids := []int{s.cmd.Process.Pid}
	for _, child := range children(s.cmd.Process.Pid) {
		if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && program == s.cmd.Path {
			pids = append(pids, child)
		}
	}
	return pids
}

func children(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// zombie tells whether a child has ended and was not waited for.
func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(text), ") Z ")
}

// waitFor waits for what another process does; nothing tells of it.
func waitFor(within time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(within); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// answers tells whether a daemon that is just starting answers its ping.
func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+tokenHeader+": "+token+"\r\n\r\n"); err != nil {
		return false
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	return err == nil && res.StatusCode == http.StatusOK
}
