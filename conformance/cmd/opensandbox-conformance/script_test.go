package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"opensandbox-conformance": main})
}

// The scripts in testdata read as a manual of the command.
func TestScripts(t *testing.T) {
	doc, err := spec.Execd()
	if err != nil {
		t.Fatal(err)
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(refusing.Close)
	nothing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = w.Write([]byte(`{"code":"NOT_IMPLEMENTED","message":"nothing is offered here"}`))
	}))
	t.Cleanup(nothing.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CLOSED", closed.URL)
			env.Setenv("REFUSING", refusing.URL)
			env.Setenv("NOTHING", nothing.URL)
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("FREE", free.Addr().String())
			free.Close()
			d := &daemon{doc: doc, token: canary}
			server := httptest.NewServer(d)
			env.Defer(server.Close)
			env.Values[daemonKey{}] = d
			env.Setenv("DAEMON", server.URL)
			env.Setenv("WITH_PASSWORD", strings.Replace(server.URL, "//", "//me:c4nary-t0ken@", 1))
			env.Setenv("EXECD_ACCESS_TOKEN", canary)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "daemon": setDaemon, "valid": valid, "secretless": secretless, "ask": ask,
		},
	})
}

// ask makes a GET request as soon as someone listens, and prints the answer: ask URL
func ask(ts *testscript.TestScript, _ bool, args []string) {
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // there is no event to wait for
		res, err := http.Get(args[0]) //nolint:noctx // the script has no context
		if err != nil {
			if time.Now().After(late) {
				ts.Fatalf("%v", err)
			}
			continue
		}
		defer res.Body.Close()
		if _, err := io.Copy(ts.Stdout(), res.Body); err != nil {
			ts.Fatalf("%v", err)
		}
		return
	}
}

// status runs a command and checks its exit status: status 3 opensandbox-conformance run …
func status(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
