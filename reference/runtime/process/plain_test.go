package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

// newPlain is a fixture in the tier that needs least, where the machine has a better one too.
func newPlain(t *testing.T) *fixture {
	t.Helper()
	if _, err := confine.LandlockGaps(); err != nil {
		t.Skip("SKIPPED: ", err)
	}
	return newFixture(t, func(c *process.Config) { c.Tier = "plain" })
}

// needsView skips what takes files and a network of a sandbox's own.
func (f *fixture) needsView() {
	f.t.Helper()
	if f.Tier() == "plain" {
		f.t.Skip("SKIPPED: sandboxes have files and a network of their own in better tiers than plain only")
	}
}

func (f *fixture) private(id string) string {
	return filepath.Join(f.cfg.State, "sandboxes", id, "private")
}

func TestAPlainSandboxHasADirectoryOfItsOwn(t *testing.T) {
	f := newPlain(t)
	first := f.provision(func(s *runtime.Spec) { s.Env = map[string]string{"A": "b c"} })
	second := f.provision()
	own := f.private(first)
	if got, want := f.run(first, `echo "$A"; pwd; echo $HOME; mktemp -u`), fmt.Sprintf("b c\n%[1]s\n%[1]s\n%[1]s/", own); !strings.HasPrefix(got, want) {
		t.Errorf("inside: %q", got)
	}
	if got := f.run(first, `echo kept >file && mkdir -p a/b && mv file a/b && ln a/b/file link && cat link && cp /bin/true . && ./true && echo ran; python3 -c 'print(1+1)' 2>&1`); got != "kept\nran\n2\n" {
		t.Errorf("inside: %q", got)
	}
	for _, c := range []string{
		"echo x >/tmp/plain-test", "echo x >/var/tmp/plain-test", "echo x >/dev/shm/plain-test", "ls /tmp", "ls " + f.cfg.State,
		"cat " + own + "/a/b/file", "ls " + own, "echo x >" + own + "/x", "rm -r " + own,
	} {
		if got := f.run(second, "("+c+") 2>&1 && echo DONE"); !strings.Contains(got, "denied") || strings.Contains(got, "DONE") {
			t.Errorf("%s: %q", c, got)
		}
	}
	if os.Getuid() == 0 {
		if a, b := f.run(first, "id -u"), f.run(second, "id -u"); a == b || a == "0\n" || b == "0\n" {
			t.Errorf("users are %s and %s", a, b)
		}
	}
	if unheld := f.Unheld(runtime.Limits{}); len(unheld) > 0 {
		t.Errorf("without limits these do not hold: %v", unheld)
	}
}

// storm starts processes without end that leave their parents and sessions, and ticks.
const storm = `(setsid sh -c 'while :; do echo >>ticks; setsid sh -c "sleep 1 & exit" & sleep 0.02; done' >/dev/null 2>&1 &) ; until [ -s ticks ]; do sleep 0.01; done`

// ours counts the living processes that work in a directory.
func ours(t *testing.T, dir string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

func TestAPlainSandboxIsPausedAndRemovedAsAWhole(t *testing.T) {
	f := newPlain(t)
	id := f.provision()
	f.run(id, storm)
	ticks := func() int64 {
		info, err := os.Stat(f.private(id) + "/ticks")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for range 3 {
		if err := f.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		still := ticks()
		if states := f.states(id); states["R"]+states["S"]-f.spared() > 0 {
			t.Errorf("while it is paused: %v", states)
		}
		if ticks() != still {
			t.Error("it ticks while it is paused")
		}
		if err := f.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		leaktest.Eventually(t, "it ticks on", func() bool { return ticks() > still })
	}
	dir := f.private(id)
	if ours(t, dir) == 0 {
		t.Error("nothing is found")
	}
	if err := f.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := ours(t, dir); n > 0 {
		t.Errorf("%d processes are left", n)
	}
}

// Nothing outlives the entry process, nor, once the sandbox is removed, a first process that was killed.
func TestNothingOfAPlainSandboxIsLeftBehind(t *testing.T) {
	f := newPlain(t)
	exits := f.watch()
	id := f.provision(func(s *runtime.Spec) {
		s.Entrypoint = []string{"sh", "-c", storm + "; until [ -e over ]; do sleep 0.01; done; echo why >&2; exit 7"}
	})
	f.ping(id)
	f.run(id, "touch over")
	if e := next(t, exits, id); e.ExitCode != 7 || e.Message != "why" {
		t.Errorf("%+v", e)
	}
	if n := ours(t, f.private(id)); n > 0 {
		t.Errorf("%d processes are left", n)
	}

	id = f.provision()
	f.run(id, storm)
	f.kill(id)
	if e := next(t, exits, id); e.ExitCode != 137 {
		t.Errorf("%+v", e)
	}
	if err := f.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := ours(t, f.private(id)); n > 0 {
		t.Errorf("%d processes are left", n)
	}

	id = f.provision()
	f.run(id, storm)
	f.close()
	record, err := stage.ReadRecord(filepath.Dir(f.private(id)))
	if err != nil {
		t.Fatal(err)
	}
	f.kill(id)
	if _, err := unix.Wait4(record.PID, nil, 0, nil); err != nil { // as init does
		t.Error(err)
	}
	f.open()
	if list, err := f.List(t.Context()); err != nil || len(list) == 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := f.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := ours(t, f.private(id)); n > 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestTheNextServerGoesOnWithAPlainSandbox(t *testing.T) {
	f := newPlain(t)
	id := f.provision()
	f.run(id, "echo kept >file")
	if err := f.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	f.close()
	f.open()
	if list, err := f.List(t.Context()); err != nil || len(list) != 1 || !list[0].Running || !list[0].Paused {
		t.Errorf("%v, %v", list, err)
	}
	if err := f.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := f.run(id, "cat file"); got != "kept\n" {
		t.Errorf("the file holds %q", got)
	}
}

func TestAPlainSandboxIsBounded(t *testing.T) {
	f := newPlain(t)
	f.cfg.Pids = 60       // threads of execd count, too
	if os.Getuid() == 0 { // else all processes of the user count
		f.close()
		f.open()
	}
	id := f.provision(func(s *runtime.Spec) { s.Limits.MemoryBytes = 256 << 20 })
	if os.Getuid() == 0 {
		if got := f.run(id, "for i in $(seq 120); do sleep 0.5 & done 2>&1; wait"); !strings.Contains(got, "fork") {
			t.Errorf("120 processes: %q", got)
		}
	}
	if got := f.run(id, "python3 -c 'b = bytearray(400 << 20); b[::4096] = b[::4096]' 2>&1; echo ended $?"); strings.Contains(got, "ended 0") {
		t.Errorf("more memory than there may be: %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.Remove(ctx, id); err != nil {
		t.Error(err)
	}
	if _, err := f.Dial(t.Context(), id, 44772); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
