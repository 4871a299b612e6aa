package store

import (
	"context"
	"fmt"
)

// Ping waits until the database answers: it stands in line with what is written, so that a disk that hangs is seen.
func (s *Store) Ping(ctx context.Context) error {
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}
