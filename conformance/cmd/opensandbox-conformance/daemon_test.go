package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// canary is a token that must be found in nothing that the command writes.
const canary = `c4nary"t0ken/é`

// daemon offers nothing but ping, tells its token to everyone, and can be broken.
type daemon struct {
	doc    *spec.Document
	token  string
	broken atomic.Bool // ping is answered 202
	down   atomic.Bool // it hangs up
}

type daemonKey struct{}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.down.Load() {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Leak", d.token)
	w.Header().Set("X-Leak-Too", r.Header.Get("Authorization"))
	op, allowed := d.doc.Match(r.Method, r.URL.Path)
	switch {
	case r.Header.Get(d.doc.KeyHeader()) != d.token:
		refuse(w, r, http.StatusUnauthorized, "the token is not "+d.token)
	case op != nil && op.ID == "ping" && d.broken.Load():
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusAccepted)
	case op != nil && op.ID == "ping":
		w.Header().Set("Content-Length", "0")
	case op != nil:
		refuse(w, r, http.StatusNotImplemented, "not offered here")
	case len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, r, http.StatusMethodNotAllowed, "the path has other methods")
	default:
		refuse(w, r, http.StatusNotFound, "there is no such path")
	}
}

// refuse answers without waiting for the rest of the request.
func refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex()
	_ = rc.SetReadDeadline(time.Now().Add(time.Second))
	body, err := json.Marshal(map[string]string{"code": "REFUSED", "message": message})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	_ = rc.Flush()
	_, _ = io.Copy(io.Discard, r.Body)
}

// setDaemon breaks the daemon of a script, or mends it: daemon broken, daemon whole, daemon down.
func setDaemon(ts *testscript.TestScript, _ bool, args []string) {
	d := ts.Value(daemonKey{}).(*daemon)
	d.broken.Store(args[0] == "broken")
	d.down.Store(args[0] == "down")
}

// valid checks that files are reports by the schema: valid out/report.json …
func valid(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ts.Check(report.Validate([]byte(ts.ReadFile(name))))
	}
}

// secretless checks that the canary is in no file of the folders, in no form, nor in what was printed last.
func secretless(ts *testscript.TestScript, _ bool, args []string) {
	check := func(what, text string) {
		basic := base64.StdEncoding.EncodeToString([]byte("me:c4nary-t0ken"))
		if strings.Contains(text, basic) || strings.Contains(text, "c4nary") || strings.Contains(text, "t0ken") {
			ts.Fatalf("%s holds the token:\n%s", what, text)
		}
	}
	check("stdout", ts.ReadFile("stdout"))
	check("stderr", ts.ReadFile("stderr"))
	files := 0
	for _, dir := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			check(path, string(data))
			files++
			return err
		}))
	}
	if files == 0 {
		ts.Fatalf("there are no files in %v", args)
	}
}
