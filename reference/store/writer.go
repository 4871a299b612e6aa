package store

import (
	"context"
	"database/sql"
	"time"
)

// write is one statement on its way to the disk.
type write struct {
	statement string
	args      []any
	done      chan error // buffered: the writer never waits
}

// How many statements share a transaction at most, and how long one may take.
const (
	batchSize    = 256
	batchTimeout = 30 * time.Second
)

// submit hands a statement to the writer and waits until it is on disk. Once
// it is handed over the answer is waited for, whatever becomes of ctx: the
// caller must know what was written.
func (s *Store) submit(ctx context.Context, statement string, args ...any) error {
	w := write{statement: statement, args: args, done: make(chan error, 1)}
	if err := s.enqueue(ctx, w); err != nil {
		return err
	}
	return <-w.done
}

func (s *Store) enqueue(ctx context.Context, w write) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	select {
	case s.queue <- w:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the only writer. Whatever waits goes into one transaction, so that
// many sandboxes changing at once cost one sync of the disk.
func (s *Store) write() {
	for first := range s.queue {
		batch := []write{first}
	gather:
		for len(batch) < batchSize {
			select {
			case next, ok := <-s.queue:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		err := s.commit(batch)
		for _, w := range batch {
			w.done <- err
		}
	}
}

func (s *Store) commit(batch []write) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, w := range batch {
		if _, err := tx.ExecContext(ctx, w.statement, w.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
