package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

// box is a sandbox: its directory, its control group and its first process.
type box struct {
	id    string
	dir   string
	group *cgroup.Group // nil: no control groups here
	first *first        // nil: none was found

	limits runtime.Limits // while it is made

	removing bool          // Remove is at it: its end is no news; under Runtime.mu
	exit     *runtime.Exit // how it ended; under Runtime.mu
}

// pausedFile is in the directory of a sandbox from before it is stopped until
// it goes on.
const pausedFile = "paused"

// box gives a sandbox by what there is on disk.
func (r *Runtime) box(id string) *box {
	b := &box{id: id, dir: filepath.Join(r.sandboxes(), id)}
	if r.tree != nil {
		b.group = r.tree.Open(r.groupName(id))
	}
	return b
}

func (r *Runtime) groupName(id string) string { return r.cfg.Instance + "." + id }

func (b *box) has(name string) bool {
	_, err := os.Lstat(filepath.Join(b.dir, name))
	return err == nil
}

// there tells whether the sandbox has a directory.
func (b *box) there() bool {
	_, err := os.Stat(b.dir)
	return err == nil
}

// find opens the first process as an earlier server left it. It stays nil where
// there is none, or it has ended.
func (b *box) find() error {
	record, err := stage.ReadRecord(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", b.id, err)
	}
	b.first, err = adopt(record)
	if errors.Is(err, stage.ErrGone) {
		return nil
	}
	return err
}

// letGo closes the handle on the process; what waits for it gives up.
func (b *box) letGo() {
	if b.first != nil {
		b.first.close()
	}
}

// describe says how a sandbox ended. waited: the status is the process's own,
// and not only what the sandbox tells.
func (b *box) describe(status int, waited bool) runtime.Exit {
	exit := runtime.Exit{ID: b.id, ExitCode: status}
	if end, ok := stage.ReadEnd(b.dir); ok {
		exit.Message = brief(end.Message)
		if !waited {
			exit.ExitCode = end.Status
		}
	}
	if b.group != nil {
		kills, err := b.group.OOMKills()
		exit.OOMKilled = err == nil && kills > 0
	}
	return exit
}

// unseen is the status of a process that ended while nobody waited, without a
// word: it was killed.
const unseen = 128 + 9

// lock is held while something is done to a sandbox.
type lock struct {
	free    chan struct{} // holds one value while nobody has it
	waiting int
}

// acquire waits until nobody is at a sandbox, and keeps others away until
// release is called.
func (r *Runtime) acquire(ctx context.Context, id string) (release func(), err error) {
	r.mu.Lock()
	l := r.locks[id]
	if l == nil {
		l = &lock{free: make(chan struct{}, 1)}
		l.free <- struct{}{}
		r.locks[id] = l
	}
	l.waiting++
	r.mu.Unlock()
	leave := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(r.locks, id)
		}
	}
	select {
	case <-l.free:
		var once sync.Once
		return func() { once.Do(func() { l.free <- struct{}{}; leave() }) }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
