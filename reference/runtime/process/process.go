// Package process runs sandboxes as processes of this machine: no engine and
// no image is needed, and nothing is installed. A sandbox sees the host's files
// with a layer of its own above them; its one image is "host".
//
// How well a sandbox is kept apart depends on what this server may do here. New
// tries it: the best tier in which a throw-away sandbox can be made is the one
// that is used. A tier says what it does not isolate, and which limits it can't
// hold. docs/process.md describes them.
//
// What all tiers share is in Runtime: a directory for each sandbox, which
// outlives the server, with its sockets, its layers and a record of its first
// process; and execd's binary, which makes a sandbox of itself as package
// internal/stage says. What differs is behind the interface tier.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/egress"
)

// Image is the only image there is: this machine's own files.
const Image = "host"

// Config says how sandboxes are run. State, Instance and Execd are required.
type Config struct {
	// State is a directory of this server's own, which sandboxes can't see.
	State string
	// Instance tells this server's control groups from those of others. It must
	// stay the same over restarts.
	Instance string
	// Execd is the path of the daemon's binary, built static and without cgo.
	Execd string
	// Tier is the only one to try. "": the best that works.
	Tier string
	// Pids is how many processes and threads a sandbox may have. Zero: 2048.
	Pids int64
	// Show are directories below home directories that sandboxes may read. Home
	// directories are empty for them otherwise.
	Show []string
	// Hide are files and directories that sandboxes can't see, besides State
	// and those of container engines.
	Hide []string
	Log  *slog.Logger // nil: discarded
}

// Runtime is a runtime.Runtime over processes of this machine.
type Runtime struct {
	cfg  Config
	log  *slog.Logger
	tree *cgroup.Tree // nil: no control groups may be made here
	tier tier

	egress *egress.Proxy

	hostCPUs   int
	hostMemory int64

	running sync.WaitGroup // what goes on behind calls

	mu    sync.Mutex
	locks map[string]*lock // of the ids that something is being done to
	known map[string]*box  // whose entry process was started
	ended chan struct{}    // has an element while ends holds one
	ends  []runtime.Exit   // not reported yet
}

var (
	_ runtime.Runtime = (*Runtime)(nil)
	_ runtime.Lenient = (*Runtime)(nil)
)

// New finds out how sandboxes can be made here, by making one. ctx bounds that.
func New(ctx context.Context, cfg Config) (*Runtime, error) {
	if cfg.State == "" || cfg.Instance == "" || cfg.Execd == "" {
		return nil, errors.New("process: State, Instance and Execd are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Pids == 0 {
		cfg.Pids = 2048
	}
	for _, path := range []*string{&cfg.State, &cfg.Execd} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		if *path, err = filepath.EvalSymlinks(abs); err != nil {
			return nil, fmt.Errorf("process: %w", err)
		}
	}
	r := &Runtime{
		cfg: cfg, log: cfg.Log, locks: map[string]*lock{}, known: map[string]*box{}, ended: make(chan struct{}, 1),
	}
	var err error
	if r.hostCPUs, r.hostMemory, err = measure(); err != nil {
		return nil, err
	}
	for _, dir := range []string{r.sandboxes(), r.gone()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("process: %w", err)
		}
	}
	if r.tree, err = cgroup.Detect(); err != nil {
		r.tree = nil
		r.log.Warn("no control groups: limits on CPU and memory of sandboxes may not hold", "reason", err)
	}
	if err := r.openEgress(); err != nil {
		return nil, err
	}
	if err := r.choose(ctx); err != nil {
		r.egress.Close()
		r.running.Wait()
		return nil, err
	}
	return r, nil
}

// sandboxes is the directory of the sandboxes' directories.
func (r *Runtime) sandboxes() string { return filepath.Join(r.cfg.State, "sandboxes") }

// gone is the directory of what is being removed.
func (r *Runtime) gone() string { return filepath.Join(r.cfg.State, "gone") }

// Name says "process".
func (r *Runtime) Name() string { return "process" }

// Tier says which tier was chosen.
func (r *Runtime) Tier() string { return r.tier.Name() }

// Unheld names the limits that the tier can't hold.
func (r *Runtime) Unheld(limits runtime.Limits) []string { return r.tier.Unheld(limits) }

// Close waits, until ctx ends, for what is being removed. Sandboxes live on.
func (r *Runtime) Close(ctx context.Context) error {
	r.egress.Close()
	r.mu.Lock()
	for id, b := range r.known {
		b.letGo()
		delete(r.known, id)
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return r.tier.Close()
}

// choose takes the best tier that works here.
func (r *Runtime) choose(ctx context.Context) error {
	if err := r.sweepTrials(ctx); err != nil {
		return err
	}
	var failed []error
	for _, t := range tiers(r) {
		if r.cfg.Tier != "" && t.Name() != r.cfg.Tier {
			continue
		}
		began := time.Now()
		err := r.try(ctx, t)
		if err == nil {
			r.log.Info("sandboxes are processes of this machine", "tier", t.Name(), "trial", time.Since(began).Round(time.Millisecond))
			for _, lacks := range t.Misses() {
				r.log.Warn("not isolated: "+lacks, "tier", t.Name())
			}
			if unheld := t.Unheld(runtime.Limits{NanoCPUs: 1, MemoryBytes: 1}); len(unheld) > 0 {
				r.log.Warn("limits that do not hold for a sandbox as a whole: "+strings.Join(unheld, ", "), "tier", t.Name())
			}
			return nil
		}
		_ = t.Close() // nothing of it is left
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.log.Info("sandboxes can't be made in this tier", "tier", t.Name(), "reason", err)
		failed = append(failed, fmt.Errorf("%s: %w", t.Name(), err))
	}
	if len(failed) == 0 {
		return fmt.Errorf("process: there is no tier %q", r.cfg.Tier)
	}
	return fmt.Errorf("process: no sandbox can be made on this machine: %w", errors.Join(failed...))
}

const trialPrefix = "trial-"
