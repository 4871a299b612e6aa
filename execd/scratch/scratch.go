// Package scratch gives a daemon a directory of its own for files that end with it, and removes those of daemons
// that could not do so themselves. Sandboxed code may have its hands on all of it.
package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const prefix = "run-"

// Dir is a directory that is made when it is first needed.
type Dir struct {
	parent string

	mu     sync.Mutex
	closed bool
	root   *os.Root // nil: not made yet
	lock   *os.File // the same directory, locked for as long as this daemon lives
}

// Open makes a Dir below parent, which several daemons may share, and removes what others that have died left
// there. The error is only about the latter: the Dir is usable all the same. The caller must Close it.
func Open(parent string) (*Dir, error) {
	err := sweep(parent)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return &Dir{parent: parent}, err
}

// Root gives the directory. The error wraps os.ErrClosed after Close.
func (d *Dir) Root() (*os.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, os.ErrClosed
	}
	if d.root != nil {
		return d.root, nil
	}
	if err := os.MkdirAll(d.parent, 0o700); err != nil {
		return nil, err
	}
	if parent, err := lock(d.parent); err == nil { // without it a daemon that starts right now might sweep the new one
		defer parent.Close()
	}
	path, err := os.MkdirTemp(d.parent, prefix)
	if err != nil {
		return nil, err
	}
	if d.lock, err = lock(path); err != nil {
		return nil, err
	}
	if d.root, err = os.OpenRoot(path); err != nil {
		d.lock.Close()
		return nil, err
	}
	return d.root, nil
}

// Lost says that sandboxed code has removed the directory: Root makes another one.
func (d *Dir) Lost() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
}

func (d *Dir) forget() {
	if d.root != nil {
		d.root.Close()
		d.lock.Close()
		d.root = nil
	}
}

// Close removes the directory with all that is in it.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.root == nil {
		return nil
	}
	err := os.RemoveAll(d.root.Name())
	d.forget()
	return err
}

// sweep removes the directories that no living daemon holds the lock of.
func sweep(dir string) error {
	parent, err := lock(dir) // nobody is between making a directory and locking it
	if err != nil {
		return err
	}
	defer parent.Close()
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if run, lerr := lock(path); lerr == nil {
			err = errors.Join(err, os.RemoveAll(path))
			run.Close()
		}
	}
	return err
}

// lock opens a directory and locks it, or fails where another process has: never wait for what sandboxed code may
// hold.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return f, nil
}
