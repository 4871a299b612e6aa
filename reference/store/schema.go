package store

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations lead from one version of the schema to the next; the version of a
// file is how many of them it has seen (PRAGMA user_version). A released one
// is never changed.
var migrations = []string{
	`CREATE TABLE sandboxes (
		id       TEXT PRIMARY KEY,
		state    TEXT NOT NULL,
		created  INTEGER NOT NULL, -- nanoseconds since 1970
		expires  INTEGER,          -- likewise; NULL: never
		document TEXT NOT NULL     -- the rest, as JSON
	) STRICT, WITHOUT ROWID`,
}

// migrate brings a file up to date, each step in a transaction of its own: one
// that is broken off leaves a file of the version before.
func migrate(ctx context.Context, db *sql.DB, migrations []string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read its version: %w", err)
	}
	if version > len(migrations) {
		return fmt.Errorf("it has version %d, written by a newer server; this one knows up to %d: use the newer server, or another state directory", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if err := step(ctx, db, version, migrations[version]); err != nil {
			return fmt.Errorf("bring it from version %d to %d: %w", version, version+1, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, version int, statements string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return err
	}
	// A PRAGMA takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
		return err
	}
	return tx.Commit()
}
