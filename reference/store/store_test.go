package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func full(id string) *sandbox.Sandbox {
	at := time.Date(2026, 11, 25, 9, 30, 0, 123456000, time.UTC)
	return &sandbox.Sandbox{
		ID: id, Image: "debian:12", Credentials: true, Token: "secret",
		Entrypoint: []string{"sh", "-c", "exit \"3\"\n"},
		Env:        map[string]string{"A": "ü", "B": ""}, Metadata: map[string]string{"project": "apollo"},
		Limits:    runtime.Limits{NanoCPUs: 5e8, MemoryBytes: 1 << 30, GPUs: 1},
		CreatedAt: at, ExpiresAt: at.Add(time.Hour + 1),
		Status: sandbox.Status{State: sandbox.Running, Reason: "READY", Message: "it runs", LastTransitionAt: at.Add(time.Second)},
	}
}

func TestWhatWasPutComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a dir with % and ?", "state")
	s := open(t, dir)
	first, second := full("1"), full("2")
	second.CreatedAt = second.CreatedAt.Add(-time.Second)
	second.ExpiresAt, second.Env, second.Metadata, second.Credentials = time.Time{}, nil, nil, false
	gone := full("3")
	for _, sb := range []*sandbox.Sandbox{first, second, gone} {
		if err := s.Put(t.Context(), sb); err != nil {
			t.Fatal(err)
		}
	}
	first.Status.State, first.ExpiresAt = sandbox.Paused, first.ExpiresAt.Add(time.Minute)
	if err := s.Put(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing, and that's no error
		if err := s.Delete(t.Context(), "3"); err != nil {
			t.Fatal(err)
		}
	}
	instance := s.Instance()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*sandbox.Sandbox{second, first}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s.Instance() != instance {
		t.Error("the server has another id")
	}
}

func TestNobodyElseCanRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	if err := s.Put(t.Context(), full("1")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryBelongsToOneServer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := store.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, t.TempDir())
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), full("1")); err == nil || !strings.Contains(err.Error(), store.ErrClosed.Error()) {
		t.Errorf("put: %v", err)
	}
}

func TestAFileOfANewerVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "sandboxes.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "version 99, written by a newer server") {
		t.Errorf("opened: %v", err)
	}
	// And it is left alone, and free for the newer server.
	if _, err := store.Open(t.Context(), dir); err == nil || strings.Contains(err.Error(), "in use") {
		t.Errorf("opened: %v", err)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sandboxes.db"), []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), dir); err == nil {
		t.Error("opened")
	}
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var group sync.WaitGroup
	for g := range 20 {
		group.Go(func() {
			for i := range 50 {
				if err := s.Put(t.Context(), full(fmt.Sprintf("%d-%d", g, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got, err := s.Load(t.Context()); err != nil || len(got) != 1000 {
		t.Errorf("%d, %v; want 1000", len(got), err)
	}
}

// crashChild makes this test binary a process that writes until it is killed.
const crashChild = "STORE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled says on standard output what was accepted.
func writeUntilKilled(dir string) {
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				if err := s.Put(context.Background(), full(id)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

func TestWhatWasAcceptedSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	accepted := map[string]bool{}
	for range 8 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashChild+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 20 + rand.IntN(100); n > 0 && lines.Scan(); n-- {
			accepted[lines.Text()] = true
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			accepted[lines.Text()] = true // a line is one write to the pipe, and never cut
		}
		_ = cmd.Wait()
	}
	s := open(t, dir)
	rows, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, sb := range rows {
		have[sb.ID] = true
	}
	for id := range accepted {
		if !have[id] {
			t.Errorf("%s was accepted and is lost", id)
		}
	}
	if len(accepted) < 100 {
		t.Errorf("only %d were accepted", len(accepted))
	}
}

func BenchmarkPut(b *testing.B) {
	s, err := store.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		if err := s.Put(b.Context(), full(fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
}
