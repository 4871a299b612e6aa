package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Remove ends a sandbox and removes all of it. Its files are removed behind.
func (r *Runtime) Remove(ctx context.Context, id string) error {
	release, err := r.acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	r.mu.Lock()
	b := r.known[id]
	if b != nil {
		b.removing = true
	}
	r.mu.Unlock()
	if b == nil {
		if b = r.box(id); !b.there() {
			return nil
		}
		if err := b.find(); err != nil {
			return err
		}
	}
	if err := r.discard(ctx, r.tier, b); err != nil {
		return fmt.Errorf("remove sandbox %s: %w", id, err)
	}
	return nil
}

// discard kills what is left of a sandbox and removes it. A server that is
// killed halfway leaves its directory to the next one, or what is removed
// behind.
func (r *Runtime) discard(ctx context.Context, t tier, b *box) error {
	if b.has(privateDir) && t.Name() != plainName { // of a server that had no better tier
		t = &plain{r: r}
	}
	if b.first != nil {
		if err := r.end(ctx, t, b); err != nil {
			return err
		}
	} else if b.has(privateDir) { // in no namespace, others may have outlived it
		if err := t.Kill(ctx, b); err != nil {
			return err
		}
	}
	if b.group != nil {
		if err := b.group.Kill(); err != nil {
			return err
		}
		if err := b.group.Remove(ctx); err != nil {
			return err
		}
	}
	r.mu.Lock()
	if r.known[b.id] == b {
		delete(r.known, b.id)
	}
	r.mu.Unlock()
	b.letGo()
	to := filepath.Join(r.gone(), b.id+"."+strconv.FormatInt(time.Now().UnixNano(), 36))
	if err := os.Rename(b.dir, to); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	r.removeBehind(to)
	return nil
}

// end kills all processes and waits until the first one has ended: with it, in
// a namespace of their own, the others have.
func (r *Runtime) end(ctx context.Context, t tier, b *box) error {
	if err := t.Kill(ctx, b); err != nil {
		return err
	}
	ended := make(chan error, 1)
	r.running.Go(func() {
		_, _, err := b.first.wait()
		ended <- err
	})
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for process %d to end: %w", b.first.pid, ctx.Err())
	}
}

// removeBehind removes a directory while others go on.
func (r *Runtime) removeBehind(dir string) {
	r.running.Go(func() {
		if err := removeTree(dir); err != nil {
			r.log.Error("could not remove what is left of a sandbox", "directory", dir, "error", err)
		}
	})
}

// removeTree removes a directory, also where what is in it may not be read.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			_ = unix.Fchmodat(unix.AT_FDCWD, path, 0o700, 0) // RemoveAll says what is still wrong
		}
		if err != nil {
			return nil //nolint:nilerr // it is about to be mended, or RemoveAll says so
		}
		return nil
	})
	return os.RemoveAll(dir)
}
