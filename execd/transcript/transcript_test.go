package transcript_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, c transcript.Config) *transcript.Store {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	c.Log = slog.New(slog.DiscardHandler)
	s := transcript.Open(c)
	t.Cleanup(func() {
		s.Close()
		if left, _ := filepath.Glob(filepath.Join(c.Dir, "*")); len(left) > 0 {
			t.Errorf("left after Close: %v", left)
		}
	})
	return s
}

// read gives what a view holds from an offset on: all, one kind, and what is lost of each.
func read(t *testing.T, v *transcript.View, offset int64) (all, out, err string, lost [2]int64) {
	t.Helper()
	var texts [3]bytes.Buffer
	if e := v.Read(offset, transcript.Reader{
		Text: func(kind transcript.Kind, text []byte) error {
			texts[2].Write(text)
			texts[kind].Write(text)
			return nil
		},
		Lost: func(stdout, stderr int64) error {
			lost[0] += stdout
			lost[1] += stderr
			return nil
		},
	}); e != nil {
		t.Fatal(e)
	}
	return texts[2].String(), texts[0].String(), texts[1].String(), lost
}

func view(t *testing.T, tr *transcript.Transcript) *transcript.View {
	t.Helper()
	v, err := tr.View()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatWasWrittenIsReadFromAnyOffset(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 10, 200, 5000, 64 << 10} {
		t.Run(fmt.Sprint("up to ", most), func(t *testing.T) {
			tr := open(t, transcript.Config{Limit: 4 << 20}).New()
			var all, out, err bytes.Buffer
			for range 40 {
				text := make([]byte, 1+random.IntN(most))
				for i := range text {
					text[i] = byte(random.IntN(256))
				}
				all.Write(text)
				if kind := transcript.Kind(random.IntN(2)); kind == transcript.Stdout {
					out.Write(text)
					tr.Append(kind, text)
				} else {
					err.Write(text)
					tr.Append(kind, text)
				}
				v := view(t, tr)
				if v.End() != int64(all.Len()) {
					t.Fatalf("end %d, want %d", v.End(), all.Len())
				}
				from := random.IntN(all.Len() + 1)
				if got, _, _, lost := read(t, v, int64(from)); got != all.String()[from:] || lost != [2]int64{} {
					t.Fatalf("from %d of %d: %d bytes, lost %v", from, all.Len(), len(got), lost)
				}
			}
			tr.Finish()
			got, gotOut, gotErr, _ := read(t, view(t, tr), 0)
			if got != all.String() || gotOut != out.String() || gotErr != err.String() {
				t.Error("it differs once it is finished")
			}
			if got, _, _, _ := read(t, view(t, tr), 1<<40); got != "" {
				t.Errorf("past the end: %d bytes", len(got))
			}
		})
	}
}

func files(t *testing.T, dir string) (n int, size int64) {
	t.Helper()
	if err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n++
			size += info.Size()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n, size
}

func TestLittleOutputMakesNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	s := open(t, transcript.Config{Dir: dir})
	for range 10 {
		tr := s.New()
		tr.Append(transcript.Stdout, bytes.Repeat([]byte("x"), 4<<10))
		tr.Finish()
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}

func TestTheNewestPartIsKeptAndTheCursorGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, transcript.Config{Dir: dir, Limit: 1 << 20})
	tr := s.New()
	var cursor int64
	for i := range 300_000 {
		line := fmt.Appendf(nil, "%019d\n", i)
		tr.Append(transcript.Kind(i/1000%2), line)
		if i%10_000 == 0 { // one who follows gets everything
			v := view(t, tr)
			got, _, _, lost := read(t, v, cursor)
			if int64(len(got)) != v.End()-cursor || lost != [2]int64{} || !strings.HasSuffix(got, string(line)) {
				t.Fatalf("at %d: %d bytes, lost %v", i, len(got), lost)
			}
			cursor = v.End()
		}
	}
	if _, size := files(t, dir); size > 1<<20 {
		t.Errorf("%d bytes are on disk", size)
	}
	got, _, _, lost := read(t, view(t, tr), 0)
	if int64(len(got))+lost[0]+lost[1] != 300_000*20 || len(got) < 800<<10 || !strings.HasSuffix(got, fmt.Sprintf("%019d\n", 299_999)) || lost[0] == 0 || lost[1] == 0 {
		t.Errorf("%d bytes, lost %v", len(got), lost)
	}
	if got[19] != '\n' || len(got)%20 != 0 {
		t.Errorf("it begins with %q", got[:40])
	}
	if _, _, _, some := read(t, view(t, tr), 1000); some[0]+some[1] != lost[0]+lost[1]-1000 {
		t.Errorf("lost from 1000 on: %v, of all: %v", some, lost)
	}
	tr.Finish()
}

func TestTheOldestFinishedIsDroppedFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, transcript.Config{Dir: dir, Total: 300 << 10})
	running := s.New()
	running.Append(transcript.Stdout, make([]byte, 200<<10))
	var all []*transcript.Transcript
	for range 5 {
		tr := s.New()
		tr.Append(transcript.Stdout, make([]byte, 60<<10))
		tr.Append(transcript.Stdout, make([]byte, 40<<10))
		tr.Finish()
		all = append(all, tr)
	}
	for i, tr := range append(all, running) {
		_, err := tr.View()
		if dropped := errors.Is(err, transcript.ErrDropped); dropped != (i < 3) {
			t.Errorf("transcript %d: %v", i, err)
		}
	}
	all[4].Drop()
	if _, err := all[4].View(); !errors.Is(err, transcript.ErrDropped) {
		t.Errorf("after Drop: %v", err)
	}
	if n, _ := files(t, dir); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	running.Finish()
}

func TestADirectoryThatIsTakenAwayIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	s := open(t, transcript.Config{Dir: dir, Limit: 256 << 10})
	tr := s.New()
	tr.Append(transcript.Stdout, make([]byte, 10<<10))
	entries, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 { // the next file
		tr.Append(transcript.Stderr, bytes.Repeat([]byte("x"), 20<<10))
	}
	got, _, _, lost := read(t, view(t, tr), 0)
	if len(got) == 0 || int64(len(got))+lost[0]+lost[1] != 90<<10 {
		t.Errorf("%d bytes, lost %v", len(got), lost)
	}
	tr.Finish()
}

func TestAFileThatWasTamperedWith(t *testing.T) {
	for name, tamper := range map[string]func(string) error{
		"removed": os.Remove,
		"cut off": func(f string) error { return os.Truncate(f, 70_000) },
		"garbage": func(f string) error { return os.WriteFile(f, bytes.Repeat([]byte{0xff}, 90_000), 0o600) },
		"zeroes":  func(f string) error { return os.WriteFile(f, make([]byte, 90_000), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tr := open(t, transcript.Config{Dir: dir}).New()
			for range 3 {
				tr.Append(transcript.Stdout, bytes.Repeat([]byte("x"), 30_000))
			}
			tr.Append(transcript.Stderr, []byte("end"))
			file, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
			if err := tamper(file[0]); err != nil {
				t.Fatal(err)
			}
			got, _, _, lost := read(t, view(t, tr), 0)
			if int64(len(got))+lost[0]+lost[1] < 90_003 || lost[0] == 0 {
				t.Errorf("%d bytes, lost %v", len(got), lost)
			}
			tr.Finish()
		})
	}
}

func TestLeftoversAreRemovedAndOtherDaemonsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"run-1", "other"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "1"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	first := transcript.Open(transcript.Config{Dir: dir, Log: log})
	defer first.Close()
	tr := first.New()
	tr.Append(transcript.Stdout, bytes.Repeat([]byte("x"), 30_000))
	transcript.Open(transcript.Config{Dir: dir, Log: log}).Close()
	if got, _, _, _ := read(t, view(t, tr), 0); len(got) != 30_000 {
		t.Errorf("a second daemon took it away: %d bytes", len(got))
	}
	if _, err := os.Stat(filepath.Join(dir, "run-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "other", "1")); err != nil {
		t.Errorf("what is not ours: %v", err)
	}
	tr.Finish()
}

func TestAFullDisk(t *testing.T) {
	dir := tmpfs(t, "1m")
	s := open(t, transcript.Config{Dir: filepath.Join(dir, "commands")})
	t.Cleanup(s.Close) // before it is unmounted
	old := s.New()
	old.Append(transcript.Stdout, make([]byte, 300<<10))
	old.Finish()
	tr := s.New()
	for range 60 {
		tr.Append(transcript.Stdout, bytes.Repeat([]byte("x"), 20<<10))
		tr.Append(transcript.Stderr, []byte("y"))
	}
	if _, err := old.View(); !errors.Is(err, transcript.ErrDropped) {
		t.Errorf("the finished one makes no room: %v", err)
	}
	got, _, _, lost := read(t, view(t, tr), 0)
	if len(got) < 300<<10 || lost[0] == 0 || int64(len(got))+lost[0]+lost[1] != 60*(20<<10+1) {
		t.Errorf("%d bytes, lost %v", len(got), lost)
	}
	tr.Finish()
}

func TestADiskThatTakesNothing(t *testing.T) {
	dir := tmpfs(t, "1m")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s := open(t, transcript.Config{Dir: filepath.Join(dir, "commands")})
	tr := s.New()
	tr.Append(transcript.Stdout, []byte("first"))
	for range 10 {
		tr.Append(transcript.Stdout, make([]byte, 20<<10))
	}
	got, _, _, lost := read(t, view(t, tr), 0)
	if got != "first" || lost != [2]int64{200 << 10, 0} {
		t.Errorf("%d bytes, lost %v", len(got), lost)
	}
	tr.Finish()
}

func tmpfs(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("SKIPPED: no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestReadersAndWritersAtOnce(t *testing.T) {
	s := open(t, transcript.Config{Limit: 128 << 10, Total: 256 << 10})
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			tr := s.New()
			defer tr.Finish()
			var both sync.WaitGroup
			defer both.Wait()
			for kind := range transcript.Kind(2) {
				both.Go(func() {
					for n := range 200 {
						tr.Append(kind, bytes.Repeat([]byte{byte('a' + i)}, 1+n*37%9000))
						v, err := tr.View()
						if err != nil {
							t.Error(err)
							return
						}
						if n%20 == 0 {
							_, _, _, _ = read(t, v, 0)
						}
					}
				})
			}
		})
	}
	g.Wait()
}
