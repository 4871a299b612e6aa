// Package transcript keeps what commands write, in the order in which it was read, standard output and standard
// error told apart, so that it can be asked for while they run and afterwards.
//
// Small transcripts stay in memory; of larger ones all but the newest bytes is in files, which are made when
// there is something to put into them. Nothing grows without bound: of one transcript the newest part is kept
// (a server that is followed by its cursor must not fall silent), in pieces of an eighth of the limit; of the
// transcripts that are finished the oldest are dropped first; and some room on the file system is left to others.
// What is not kept any more, or never was because the disk was full, is counted, and readers are told. Keeping
// never fails its caller.
//
// A file is a sequence of records: four bytes that hold the length of the text and its kind, then the text.
package transcript

import (
	"errors"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/scratch"
)

// Defaults of Config.
const (
	DefaultLimit = 64 << 20
	DefaultTotal = 256 << 20
)

// reserve is how much of the file system is left to others: a part of it, and in bytes, whichever is less.
const (
	reservePart = 16
	reserveMost = 64 << 20
)

// Config is what a Store needs.
type Config struct {
	Log   *slog.Logger // nil: slog.Default()
	Dir   string       // made when it is first needed; several daemons may share it
	Limit int64        // bytes kept of one transcript; 0: DefaultLimit
	Total int64        // bytes kept of all that are finished; 0: DefaultTotal
}

// Store keeps transcripts.
type Store struct {
	Config

	dir   *scratch.Dir
	files atomic.Uint64 // made so far; names them

	mu       sync.Mutex
	finished []*Transcript
	kept     int64 // bytes of those
	warned   bool  // the log has been told that nothing can be kept on disk
}

// Open makes a Store, and removes what daemons that have died left in its directory. The caller must Close it.
func Open(c Config) *Store {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Limit <= 0 {
		c.Limit = DefaultLimit
	}
	if c.Total <= 0 {
		c.Total = DefaultTotal
	}
	dir, err := scratch.Open(c.Dir)
	if err != nil {
		c.Log.Warn("remove the transcripts of an earlier daemon", "error", err)
	}
	return &Store{Config: c, dir: dir}
}

// Close removes all files.
func (s *Store) Close() {
	if err := s.dir.Close(); err != nil {
		s.Log.Warn("remove the transcripts", "error", err)
	}
}

// create makes a new file, with its name. It makes the directory anew where sandboxed code has removed it.
func (s *Store) create() (*os.File, string, error) {
	name := strconv.FormatUint(s.files.Add(1), 10)
	for again := false; ; again = true {
		root, err := s.dir.Root()
		if err != nil {
			return nil, "", err
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err == nil || again || !errors.Is(err, os.ErrNotExist) {
			return f, name, err
		}
		s.dir.Lost()
	}
}

func (s *Store) open(name string) (*os.File, error) {
	root, err := s.dir.Root()
	if err != nil {
		return nil, err
	}
	return root.Open(name)
}

func (s *Store) remove(name string) {
	if root, err := s.dir.Root(); err == nil {
		_ = root.Remove(name) // sandboxed code may have done so
	}
}

// room fails where the file system of f has no more than what is left to others.
func (s *Store) room(f *os.File) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil || fs.Blocks == 0 {
		return nil //nolint:nilerr // a file system that does not say
	}
	reserve := min(fs.Blocks/reservePart*uint64(fs.Bsize), reserveMost)
	if fs.Bavail*uint64(fs.Bsize) < reserve {
		return unix.ENOSPC
	}
	return nil
}

// finish counts t among the finished, and drops the oldest while there are too many bytes of them.
func (s *Store) finish(t *Transcript, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = append(s.finished, t)
	t.counted = size
	s.kept += size
	for s.kept > s.Total && len(s.finished) > 0 {
		s.drop(0)
	}
}

// forget drops t, which is finished.
func (s *Store) forget(t *Transcript) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.finished {
		if f == t {
			s.drop(i)
			return
		}
	}
}

// makeRoom drops the oldest that has files; false: there is none.
func (s *Store) makeRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.finished {
		if t.counted > memory {
			s.drop(i)
			return true
		}
	}
	return false
}

func (s *Store) drop(i int) {
	t := s.finished[i]
	s.finished = append(s.finished[:i], s.finished[i+1:]...)
	s.kept -= t.counted
	for _, name := range t.empty() {
		s.remove(name)
	}
}

// warn tells the log, once until it went well again.
func (s *Store) warn(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.warned {
		s.Log.Warn("output of commands can't be kept on disk", "directory", s.Dir, "error", err)
	}
	s.warned = true
}
