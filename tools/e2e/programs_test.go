package e2e_test

import (
	"bytes"
	"encoding/json"
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

// serve starts the reference server and returns its address. At the end of the test its sandboxes are deleted and it
// is told to end.
func serve(t *testing.T, state string) string {
	t.Helper()
	address, _ := start(t, state)
	return address
}

// start is serve, with a way to kill the server.
func start(t *testing.T, state string) (address string, kill func()) {
	t.Helper()
	log, process := background(t, "opensandbox-reference", "serve", "--listen", "127.0.0.1:0", "--api-key", key,
		"--state", state, "--execd", program(t, "execd"))
	return listening(t, log), func() { _ = process.Kill() }
}

// bare starts the daemon by itself, with a token, and returns its address.
func bare(t *testing.T, token string) string {
	t.Helper()
	dir := t.TempDir()
	tokens := filepath.Join(dir, "token")
	if err := os.WriteFile(tokens, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, _ := background(t, "execd", "--listen", "127.0.0.1:0", "--token-file", tokens, "--root", filepath.Join(dir, "root"))
	return listening(t, log)
}

// background starts one of the built programs and ends it with the test.
func background(t *testing.T, name string, args ...string) (*output, *os.Process) {
	t.Helper()
	return supervised(t, exec.Command(program(t, name), args...))
}

// supervised starts a program and ends it with the test.
func supervised(t *testing.T, cmd *exec.Cmd) (*output, *os.Process) {
	t.Helper()
	log := &output{said: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is the test's business
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("%s does not end on SIGTERM; it said:\n%s", cmd, log)
		}
		if t.Failed() {
			t.Logf("%s said, requests left out:\n%s", cmd, log.without("msg=request"))
		}
	})
	return log, cmd.Process
}

// program is the path of a program that `make build` made.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run make build", err)
	}
	return path
}

// output is what a program says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	said chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.said <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

// without leaves out the lines that hold a word.
func (o *output) without(word string) string {
	var b strings.Builder
	for line := range strings.Lines(o.String()) {
		if !strings.Contains(line, word) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var address = regexp.MustCompile(`msg=listening address=(\S+)`)

// listening waits until a program says where it listens.
func listening(t *testing.T, log *output) string {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			return m[1]
		}
		select {
		case <-log.said:
		case <-late:
			t.Fatalf("it does not listen; it said:\n%s", log)
		}
	}
}

// alive counts the sandboxes of a server that have not ended, and deletes them where it is told to.
func alive(t *testing.T, address string, remove bool) int {
	t.Helper()
	var list struct{ Items []struct{ ID string } }
	ask(t, http.MethodGet, "http://"+address+"/v1/sandboxes?pageSize=100&state=Pending&state=Running&state=Pausing&state=Paused&state=Resuming", &list)
	for _, item := range list.Items {
		if remove {
			ask(t, http.MethodDelete, "http://"+address+"/v1/sandboxes/"+item.ID, nil)
		}
	}
	return len(list.Items)
}

func ask(t *testing.T, method, url string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("OPEN-SANDBOX-API-KEY", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if into == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
