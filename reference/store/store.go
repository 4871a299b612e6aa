// Package store keeps sandboxes over restarts, in one SQLite file in the
// server's state directory. What Put accepted is there after kill -9 and after
// a power failure.
//
// It holds everything that a later server needs to go on, the daemons' tokens
// included, so its files can be read by the server's user only. Credentials
// for images are never in it.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the "sqlite" driver, pure Go

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Files in the state directory.
const (
	databaseFile = "sandboxes.db"
	instanceFile = "instance" // the server's id
	lockFile     = "lock"     // held while a server uses the directory
)

// Store is an open state directory. Its methods may be called from several
// goroutines at once.
type Store struct {
	db       *sql.DB
	dir      string
	lock     *os.File
	instance string

	queue  chan write
	mu     sync.RWMutex // write-locked to close queue
	closed bool
	writer sync.WaitGroup
}

var _ sandbox.Store = (*Store)(nil)

// ErrClosed is what every call returns after Close.
var ErrClosed = errors.New("the store is closed")

// Open opens the state directory dir, making it if there is none. Only one
// process can have it open. A file that a newer version wrote is refused, an
// older one is brought up to date.
func Open(ctx context.Context, dir string) (_ *Store, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	s := &Store{dir: dir, queue: make(chan write)}
	if s.lock, err = lockDir(ctx, dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.lock.Close()
		}
	}()
	if s.instance, err = readInstance(dir); err != nil {
		return nil, err
	}
	if s.db, err = openDatabase(ctx, filepath.Join(dir, databaseFile)); err != nil {
		return nil, err
	}
	s.writer.Go(s.write)
	return s, nil
}

// Instance is the server's id: a UUID, made with the directory and kept in it.
func (s *Store) Instance() string { return s.instance }

// Close ends the store and lets go of the directory.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	s.writer.Wait()
	return errors.Join(s.db.Close(), s.lock.Close())
}

// lockPatience is how long a lock is waited for: what a server that was killed
// was just starting may hold it for a moment longer.
const lockPatience = time.Second

func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(20*time.Millisecond)), backoff.WithMaxElapsedTime(lockPatience))
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("the state directory %s is in use by another server", dir)
		}
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	return f, nil
}

func readInstance(dir string) (string, error) {
	path := filepath.Join(dir, instanceFile)
	text, err := os.ReadFile(path)
	if err == nil {
		id := strings.TrimSpace(string(text))
		if uuid.Validate(id) != nil {
			return "", fmt.Errorf("%s does not hold a UUID", path)
		}
		return id, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the server's id: %w", err)
	}
	id := uuid.NewString()
	// Written aside and renamed: a crash must not leave half an id.
	if err := os.WriteFile(path+".new", []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the server's id: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("write the server's id: %w", err)
	}
	return id, nil
}

func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	// Made here first: SQLite gives its other files the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	options := url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"},
		"_txlock": {"immediate"},
	}
	source := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, migrations); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return db, nil
}
