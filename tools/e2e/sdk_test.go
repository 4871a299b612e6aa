package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// The published JavaScript SDK works against the reference server as it is.
func TestTheJavaScriptSDK(t *testing.T) {
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

// The published Python SDK, and its code interpreter, work against the reference server as they are.
func TestThePythonSDK(t *testing.T) {
	dockertest.Engine(t)
	folder := sdk(t, "python")
	address := serve(t, filepath.Join(t.TempDir(), "state"))
	use(t, filepath.Join("..", "sdk", "python"), address, filepath.Join(folder, "bin", "python"), "-m", "unittest", "--verbose")
	leftBehind(t, address)
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
