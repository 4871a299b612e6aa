package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func version(t *testing.T, db *sql.DB) (v int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Each version that was ever written has its file in testdata.
func TestAFileOfAnyVersionIsBroughtUpToDate(t *testing.T) {
	for v := 1; v <= store.Version; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			statements, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("version%d.sql", v)))
			if err != nil {
				t.Fatalf("a released version needs its file: %v", err)
			}
			dir := t.TempDir()
			db := database(t, filepath.Join(dir, "sandboxes.db"))
			if _, err := db.ExecContext(t.Context(), string(statements)); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir)
			got, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			first := full("1")
			second := &sandbox.Sandbox{ID: "2", Image: "debian:12", Entrypoint: []string{"sleep"}, Token: "secret",
				CreatedAt: first.CreatedAt.Add(time.Second),
				Status:    sandbox.Status{State: sandbox.Terminated, LastTransitionAt: first.Status.LastTransitionAt}}
			if diff := cmp.Diff([]*sandbox.Sandbox{first, second}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := s.Put(t.Context(), full("3")); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			after := database(t, filepath.Join(dir, "sandboxes.db"))
			if v := version(t, after); v != store.Version {
				t.Errorf("it has version %d, want %d", v, store.Version)
			}
			var mode string
			if err := after.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
				t.Errorf("journal mode %q, %v; want wal", mode, err)
			}
		})
	}
}

func TestAMigrationThatFailsLeavesTheVersionBefore(t *testing.T) {
	db := database(t, filepath.Join(t.TempDir(), "x.db"))
	first := "CREATE TABLE a (x INTEGER)"
	broken := "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1)"
	err := store.Migrate(t.Context(), db, []string{first, broken})
	if err == nil || !strings.Contains(err.Error(), "from version 1 to 2") {
		t.Errorf("%v", err)
	}
	if v := version(t, db); v != 1 {
		t.Errorf("version %d, want 1", v)
	}
	mended := "CREATE TABLE b (x INTEGER)" // it would fail if the first try had left its table
	for range 2 {
		if err := store.Migrate(t.Context(), db, []string{first, mended}); err != nil {
			t.Error(err)
		}
	}
	if v := version(t, db); v != 2 {
		t.Errorf("version %d, want 2", v)
	}
}
