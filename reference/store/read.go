package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// ErrNoState says that a directory was never a server's.
var ErrNoState = errors.New("there is no state of a server in it")

// Exists returns ErrNoState, wrapped, where no server has kept its state in dir.
func Exists(dir string) error {
	_, err := os.Stat(filepath.Join(dir, databaseFile))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("state directory %s: %w", dir, ErrNoState)
	}
	return err
}

// Read returns the sandboxes of a state directory, oldest first, and changes nothing in it. A server may have the
// directory open.
func Read(ctx context.Context, dir string) (_ []*sandbox.Sandbox, err error) {
	if err := Exists(dir); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	// Not mode=ro, which needs files beside the database that are there only while a server runs.
	options := url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(5000)", "query_only(ON)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	if version != len(migrations) {
		return nil, fmt.Errorf("the database %s has version %d, and this program reads version %d: use the program that wrote it, or start the server once", path, version, len(migrations))
	}
	return load(ctx, db)
}
