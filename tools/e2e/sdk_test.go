package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// The published JavaScript SDK works against the reference server as it is.
func TestTheJavaScriptSDK(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	folder := sdk(t, "javascript")
	programs := filepath.Join("..", "sdk", "javascript")
	tests, err := filepath.Glob(filepath.Join(programs, "*.js"))
	if err != nil || len(tests) == 0 {
		t.Fatalf("no programs in %s: %v", programs, err)
	}
	for _, test := range tests { // node looks for packages beside the program
		content, err := os.ReadFile(test)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(test)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	address := serve(t, filepath.Join(t.TempDir(), "state"))
	use(t, folder, address, filepath.Join(folder, "node"), "--test")
	leftBehind(t, address)
}

// What the Python SDK sends that the documents do not have.
var sentByPython = []string{
	"POST /v1/metrics/events: the document has no such operation", // it reports how long creates take
}

// The published Python SDK, and its code interpreter, work against the reference server as they are. They go through
// the judging proxy, which finds nothing wrong with the server.
func TestThePythonSDK(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	folder := sdk(t, "python")
	address := serve(t, filepath.Join(t.TempDir(), "state"))
	log, _ := background(t, "opensandbox-conformance", "proxy", "--upstream", "http://"+address+"/v1", "--listen", "127.0.0.1:0",
		"--out", t.TempDir(), "--soon", "5s")
	through := listening(t, log)
	use(t, filepath.Join("..", "sdk", "python"), through, filepath.Join(folder, "bin", "python"), "-m", "unittest", "--verbose")
	leftBehind(t, address)
	r := watched(t, through)
	valid(t, r)
	for _, f := range r.Findings {
		t.Errorf("%s %s %s: %s\nexpected %s\nactual %s\n%s", f.Severity, f.Requirement, f.Operation, f.Message, f.Expected, f.Actual, f.Exchange)
	}
	var sent []string
	for _, f := range r.Client.Findings {
		sent = append(sent, f.Operation+": "+f.Message)
	}
	if diff := cmp.Diff(sentByPython, sent); diff != "" {
		t.Errorf("what the SDK sends against the documents has changed:\n%s", diff)
	}
	if r.Client.Requests < 100 || r.Summary.CoreOperations.Judged < 25 {
		t.Errorf("%d requests and %d core operations were judged: that is no evidence", r.Client.Requests, r.Summary.CoreOperations.Judged)
	}
}

// watched asks a proxy for its report.
func watched(t *testing.T, proxy string) *report.Report {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+proxy+"/__conformance/report.json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r, err := report.Read(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sdk installs one of the published SDKs, where that has not been done, and returns the folder that holds it.
func sdk(t *testing.T, name string) string {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), filepath.Join("..", "sdk", "install"), name).CombinedOutput()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && os.Getenv("OPENSANDBOX_REQUIRE_SDKS") != "1":
		t.Skipf("SKIPPED, NOT TESTED: the %s SDK can't be installed (%v):\n%s", name, err, said)
	case err != nil:
		t.Fatalf("install the %s SDK: %v\n%s", name, err, said)
	}
	folder, err := filepath.Abs(filepath.Join("..", "..", ".cache", "sdk", name))
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// use runs the programs of a folder as a user would, who has set the two variables that the SDKs read.
func use(t *testing.T, folder, address, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "OPEN_SANDBOX_DOMAIN="+address, "OPEN_SANDBOX_API_KEY="+key,
		"OPENSANDBOX_TEST_IMAGE="+dockertest.Debian, "PYTHONDONTWRITEBYTECODE=1")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, said)
	}
}

// leftBehind fails where sandboxes of a server are still there, and removes them.
func leftBehind(t *testing.T, address string) {
	t.Helper()
	if n := alive(t, address, true); n > 0 {
		t.Errorf("the SDK's programs left %d sandboxes behind", n)
	}
}
