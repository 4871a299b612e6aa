package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
)

// nobody is an unprivileged user, of any machine.
const nobody = 65534

// unheld are the limits that no process of an unprivileged user can hold for a sandbox as a whole, where no control groups
// are delegated to it: its message names them.
var unheld = []string{"LC-LIMIT-01", "LC-LIMIT-03"}

// The suite finds nothing wrong with the reference server where it has no engine: as the user that runs this test, and
// where that is root, also as one who has no privileges. Without them all holds but the limits of unheld.
func TestTheReferenceServerConformsWithoutAnEngine(t *testing.T) {
	t.Parallel()
	users := map[string]*syscall.Credential{"as this user": nil}
	if os.Getuid() == 0 {
		users["without privileges"] = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serveProcess(t, user)
			r, err := conformance.Run(t.Context(), conformance.Config{
				URL: "http://" + address + "/v1", APIKey: key, Image: "host", Deadlines: patient(),
			})
			if err != nil {
				t.Fatal(err)
			}
			if user == nil && os.Getuid() == 0 {
				clean(t, r)
			} else {
				cleanBut(t, r, unheld)
			}
			if got := r.Summary.CoreOperations; got.Judged+len(got.WithoutScenario) != got.Total {
				t.Errorf("%d of %d core operations judged, %d without a scenario", got.Judged, got.Total, len(got.WithoutScenario))
			}
			if n := alive(t, address, true); n > 0 {
				t.Errorf("the run left %d sandboxes behind", n)
			}
		})
	}
}

// serveProcess starts the reference server on the runtime process, as a user.
func serveProcess(t *testing.T, user *syscall.Credential) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "process") // those of the test can be entered by their owner only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	reference, execd := copied(t, "opensandbox-reference", dir), copied(t, "execd", dir)
	if user != nil {
		if err := os.Chown(dir, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(reference, "serve", "--runtime", "process", "--listen", "127.0.0.1:0", "--api-key", key,
		"--state", filepath.Join(dir, "state"), "--execd", execd)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	log, _ := supervised(t, cmd)
	return listening(t, log)
}

// copied puts a built program where every user can run it.
func copied(t *testing.T, name, dir string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	// cp writes it: a child of this process that had it open for writing would make it busy.
	if out, err := exec.Command("cp", program(t, name), path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
