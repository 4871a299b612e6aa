package process_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// kill kills the first process of a sandbox behind the runtime's back.
func (f *fixture) kill(id string) {
	f.t.Helper()
	record, err := stage.ReadRecord(filepath.Join(f.cfg.State, "sandboxes", id))
	if err != nil {
		f.t.Fatal(err)
	}
	if err := unix.Kill(record.PID, unix.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
}

// killClosed is kill while no runtime is open that would wait: what it was a
// child of is this program.
func (f *fixture) killClosed(id string) {
	f.t.Helper()
	f.kill(id)
	record, err := stage.ReadRecord(filepath.Join(f.cfg.State, "sandboxes", id))
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := unix.Wait4(record.PID, nil, 0, nil); err != nil {
		f.t.Fatal(err)
	}
}

func TestTheNextServerFindsWhatThereIs(t *testing.T) {
	f := newFixture(t)
	running, paused, killed, ended := f.provision(), f.provision(), f.provision(), spec("sh", "-c", "echo why >&2; exit 7")
	exits := f.watch()
	f.ping(running)
	if err := f.Pause(t.Context(), paused); err != nil {
		t.Fatal(err)
	}
	if err := f.Provision(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	next(t, exits, ended.ID)
	f.run(running, "echo kept >~/file")
	f.close()
	f.killClosed(killed)
	f.open()
	exits = f.watch()
	list, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]runtime.Instance{}
	for _, i := range list {
		got[i.ID] = i
	}
	if i := got[running]; !i.Running || i.Paused {
		t.Errorf("%+v", i)
	}
	if i := got[paused]; !i.Running || !i.Paused {
		t.Errorf("%+v", i)
	}
	if i := got[ended.ID]; i.Exit == nil || i.Exit.ExitCode != 7 || i.Exit.Message != "why" {
		t.Errorf("%+v", i)
	}
	if i := got[killed]; i.Running {
		if e := next(t, exits, killed); e.ExitCode != 137 {
			t.Errorf("%+v", e)
		}
	} else if i.Exit == nil || i.Exit.ExitCode != 137 {
		t.Errorf("%+v", i)
	}
	if said := f.run(running, "cat ~/file"); said != "kept\n" {
		t.Errorf("the file holds %q", said)
	}
	if err := f.Resume(t.Context(), paused); err != nil {
		t.Fatal(err)
	}
	f.ping(paused)
	f.kill(running) // it is no child of this runtime any more
	if e := next(t, exits, running); e.ExitCode != 137 || e.Removed {
		t.Errorf("%+v", e)
	}
}

// A server that was killed may have begun a sandbox, and the next one is asked
// for it again.
func TestASandboxThatIsThereAlreadyIsGoneOnWith(t *testing.T) {
	for name, c := range map[string]struct {
		to   func(f *fixture, id string)
		same bool
		exit int
	}{
		"it runs":     {func(*fixture, string) {}, true, 0},
		"it ended":    {func(f *fixture, id string) { f.killClosed(id) }, false, 0},
		"it is empty": {func(f *fixture, id string) { f.half(id) }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := spec("sleep", "infinity")
			if err := f.Provision(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			f.run(s.ID, "echo x >~/mark")
			f.close()
			c.to(f, s.ID)
			f.open()
			err := f.Provision(t.Context(), s)
			if exited := (*runtime.Exited)(nil); errors.As(err, &exited) {
				if exited.Exit.ExitCode != c.exit {
					t.Errorf("%+v", exited.Exit)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f.ping(s.ID)
			if kept := f.run(s.ID, "cat ~/mark 2>/dev/null") == "x\n"; kept != c.same {
				t.Errorf("it is the same: %t, want %t", kept, c.same)
			}
		})
	}
}

// half leaves of a sandbox what there is before its first process has begun.
func (f *fixture) half(id string) {
	f.t.Helper()
	f.killClosed(id)
	dir := filepath.Join(f.cfg.State, "sandboxes", id)
	for _, name := range []string{stage.FileRecord, stage.FileBegun} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// A process that has the number of a sandbox's first one by now is left alone.
func TestARecordNamesNoOtherProcess(t *testing.T) {
	f := newFixture(t)
	id := f.provision()
	dir := filepath.Join(f.cfg.State, "sandboxes", id)
	record, err := stage.ReadRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.close()
	other := os.Getpid()
	for name, text := range map[string]string{
		"later start": `{"PID":%d,"Start":1,"Boot":"` + record.Boot + `"}`,
		"last boot":   `{"PID":%d,"Start":` + utoa(record.Start) + `,"Boot":"another"}`,
	} {
		write(t, filepath.Join(dir, stage.FileRecord), text, other)
		f.open()
		list, err := f.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Running {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		f.close()
	}
	write(t, filepath.Join(dir, stage.FileRecord), `{"PID":%d,"Start":`+utoa(record.Start)+`,"Boot":"`+record.Boot+`"}`, record.PID)
	f.open()
}
