package main

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// On a terminal the last line shows what is being played, fits, and goes in the end; above it stays what did not go well.
func TestProgressOnATerminal(t *testing.T) {
	const columns = 50
	screen := onTerminal(t, columns, "--groups", "execd-auth", "--operations", "GET /ping")
	drawn, rest, found := strings.Cut(screen, "report: ")
	if !found || !strings.Contains(rest, "nonconformant: 1 error") {
		t.Fatalf("no verdict:\n%s", screen)
	}
	frames := strings.Split(drawn, clearLine)
	var status []string
	for _, frame := range frames {
		line := frame[strings.LastIndex(frame, "\n")+1:]
		if n := utf8.RuneCountInString(line); n >= columns {
			t.Errorf("%d characters on a terminal of %d: %q", n, columns, line)
		}
		status = append(status, line)
	}
	shown := strings.Join(status, "\n")
	for _, want := range []string{"0 of ", " s: ", "Without the token", "…"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the status never had %q:\n%s", want, shown)
		}
	}
	if !strings.Contains(drawn, "checks failed ") || strings.Contains(drawn, "\nok ") {
		t.Errorf("what stays is not what failed:\n%q", drawn)
	}
	if last := frames[len(frames)-1]; strings.TrimSpace(last) != "" {
		t.Errorf("the status was left on the screen: %q", last)
	}
}

// onTerminal runs the suite with a terminal as its output, against a daemon whose ping is broken.
func onTerminal(t *testing.T, columns uint16, args ...string) string {
	t.Helper()
	doc, err := spec.Execd()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{doc: doc, token: "token-of-the-terminal"}
	d.broken.Store(true)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{"run", "--profile", "execd", "--execd-url", server.URL, "--out", t.TempDir()}, args...)...)
	cmd.Args[0] = "opensandbox-conformance"
	cmd.Env = append(os.Environ(), "EXECD_ACCESS_TOKEN="+d.token, "TERM=xterm", "CI=")
	out, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	screen, err := io.ReadAll(out)
	if err != nil && !errors.Is(err, syscall.EIO) { // how a terminal ends
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v, expected exit status 1", err)
	}
	return string(screen)
}
