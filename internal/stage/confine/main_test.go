package confine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
)

// What is tested can't be undone, so this program runs itself once more for each test.
const inside = "CONFINE_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(inside) {
	case "calls":
		if err := confine.Seccomp(); err != nil {
			fail(err)
		}
		tryCalls(attempts)
	case "more calls":
		if err := confine.Seccomp(confine.Others, confine.UnixSockets); err != nil {
			fail(err)
		}
		tryCalls(more)
	case "view":
		var v confine.View
		err := json.Unmarshal([]byte(os.Args[1]), &v)
		if err == nil {
			err = confine.Landlock(v)
		}
		if err == nil {
			err = syscall.Exec("/bin/sh", []string{"sh", "-c", os.Args[2]}, os.Environ())
		}
		fail(err)
	default:
		leaktest.Main(m)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "CANNOT:", err)
	os.Exit(3)
}

// again runs this program as another part of it; user 0 is who runs the tests.
func again(t *testing.T, part string, user uint32, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), inside+"="+part)
	if user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
