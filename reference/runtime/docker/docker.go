// Package docker runs sandboxes as containers of a Docker engine, 20.10 or
// later, over its API.
//
// A container is one sandbox: its name and labels say which, and which server
// it belongs to, so that several servers can share an engine. The daemon gets
// in by a read-only volume that is filled once for each build of it, and is
// the container's first process; it starts the sandbox's entrypoint, as the
// user that the image names.
//
// A container has all Linux capabilities dropped but the few of capabilities,
// can gain no new privileges, and runs under the engine's own seccomp and
// AppArmor profiles. Its network is a bridge on which containers can't reach
// each other. docs/docker.md says what that leaves open.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Labels on everything that the server makes.
const (
	labelSandbox  = "io.opensandbox.sandbox"  // container: the sandbox's id
	labelPrepared = "io.opensandbox.prepared" // container: it was kept ready; its name says the sandbox's id
	labelInstance = "io.opensandbox.instance" // container: the server's id
	labelExecd    = "io.opensandbox.execd"    // volume, helper: the build of execd in it
	labelFiller   = "io.opensandbox.filler"   // helper: the id of the server that made it
	labelNetwork  = "io.opensandbox.network"  // network: what it is for
)

// Engine 20.10 speaks this.
const oldestAPI = "1.41"

// Config says how sandboxes are run. Instance and Execd are required.
type Config struct {
	// Client talks to the engine. nil: made from DOCKER_HOST and the other
	// variables of the docker command, with the version negotiated. Where it
	// does so otherwise than by a Unix socket, the engine is taken for another
	// machine's, and connections into sandboxes go through it.
	Client *client.Client
	// Instance tells this server's containers from those of others on the same
	// engine. It must stay the same over restarts.
	Instance string
	// Execd is the path of the daemon's binary: static, for the containers'
	// platform.
	Execd string
	// Network is what sandboxes are attached to: one that the operator made. "":
	// DefaultNetwork, in which sandboxes can't reach each other; it is made when
	// it isn't there.
	Network string
	// Pids is how many processes and threads a sandbox may have. Zero: 2048.
	Pids int64
	// PullTimeout bounds one pull of an image. Zero: 10 minutes.
	PullTimeout time.Duration
	// Pool is how many containers of an image are kept ready, for sandboxes that
	// are then there at once. They are made while Watch runs. nil: none.
	Pool map[string]int
	Log  *slog.Logger // nil: discarded
}

// Docker is a runtime.Runtime over a Docker engine.
type Docker struct {
	cfg    Config
	engine *client.Client
	log    *slog.Logger
	execd  *volume
	pulls  pulls
	pool   *pool

	network    *segment
	local      bool // the engine is this machine's, and containers' addresses can be reached
	hostCPUs   int
	hostMemory int64

	mu sync.Mutex
	// known holds the sandboxes whose entry process was started, and their
	// address ("" until somebody asked). What happens to others is not reported.
	known map[string]string
	// making holds the sandboxes that Provision is at, or broke off because the
	// engine did not answer, and those that List found not to run. Their
	// containers are no strays; Remove ends that.
	making map[string]bool
	// strays holds the containers that are being removed because nobody asked
	// for them any more.
	strays map[string]chan struct{}
}

var _ runtime.Runtime = (*Docker)(nil)

// New connects to the engine and sees that it can be used. ctx bounds that.
func New(ctx context.Context, cfg Config) (*Docker, error) {
	if cfg.Instance == "" || cfg.Execd == "" {
		return nil, errors.New("docker: Instance and Execd are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Pids == 0 {
		cfg.Pids = 2048
	}
	if cfg.Network == "" {
		cfg.Network = DefaultNetwork
	}
	if cfg.PullTimeout == 0 {
		cfg.PullTimeout = 10 * time.Minute
	}
	if cfg.Client == nil {
		engine, err := connect()
		if err != nil {
			return nil, err
		}
		cfg.Client = engine
	}
	d := &Docker{
		cfg: cfg, engine: cfg.Client, log: cfg.Log, known: map[string]string{}, making: map[string]bool{}, strays: map[string]chan struct{}{},
		pool:    newPool(cfg.Pool),
		network: newSegment(cfg.Client, cfg.Network, cfg.Log),
		local:   strings.HasPrefix(cfg.Client.DaemonHost(), "unix://"),
	}
	info, err := d.engine.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the Docker engine what it is: %w", err)
	}
	if version := d.engine.ClientVersion(); versions.LessThan(version, oldestAPI) {
		return nil, fmt.Errorf("the Docker engine %s speaks API %s; %s (engine 20.10) or later is needed", info.ServerVersion, version, oldestAPI)
	}
	if info.OSType != "linux" {
		return nil, fmt.Errorf("the Docker engine runs %s containers; linux ones are needed", info.OSType)
	}
	if info.OperatingSystem == "Docker Desktop" {
		d.local = false // its containers are in a virtual machine
	}
	if !d.local {
		d.log.Info("the engine is not this machine's: connections into sandboxes go through it")
	}
	d.hostCPUs, d.hostMemory = info.NCPU, info.MemTotal
	if d.execd, err = newVolume(d.engine, cfg.Execd, cfg.Instance, d.log); err != nil {
		return nil, err
	}
	if err := d.execd.removeOwnHelpers(ctx); err != nil {
		return nil, err
	}
	if err := d.network.ensure(ctx, false); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(info.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=seccomp") }) {
		d.log.Warn("this Docker engine filters no system calls: sandboxes are less apart from the host than they should be")
	}
	d.log.Info("docker engine found", "version", info.ServerVersion, "api", d.engine.ClientVersion(),
		"cpus", info.NCPU, "memory", info.MemTotal, "cgroup", info.CgroupVersion)
	return d, nil
}

// Close removes the containers that were kept ready, and takes the daemon's
// volume and the network away if no container uses them. Sandboxes stay.
func (d *Docker) Close(ctx context.Context) error {
	d.shut(ctx)
	d.execd.discard(ctx)
	d.network.discard(ctx)
	return d.engine.Close()
}

// Name says "docker".
func (d *Docker) Name() string { return "docker" }

func containerName(id string) string { return "opensandbox-" + id }

// Pause freezes the container.
func (d *Docker) Pause(ctx context.Context, id string) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := d.freeze(ctx, id, true, d.engine.ContainerPause)
		if err != nil && !strings.Contains(err.Error(), unfrozen) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(freezeTimeout))
	return err
}

// On cgroup v1 the processes of a busy machine may not all stand still at once, and the engine gives up within
// milliseconds.
const (
	unfrozen      = "unable to freeze"
	freezeTimeout = 10 * time.Second
)

// Resume lets the container go on.
func (d *Docker) Resume(ctx context.Context, id string) error {
	// The engine may have given it another address meanwhile.
	d.mu.Lock()
	if _, ok := d.known[id]; ok {
		d.known[id] = ""
	}
	d.mu.Unlock()
	return d.freeze(ctx, id, false, d.engine.ContainerUnpause)
}

func (d *Docker) freeze(ctx context.Context, id string, want bool, do func(context.Context, string) error) error {
	err := do(ctx, containerName(id))
	if err == nil || lost(err) {
		return available(err)
	}
	// The engine calls it an error when there is nothing to do.
	now, inspectErr := d.engine.ContainerInspect(ctx, containerName(id))
	if inspectErr == nil && now.State.Running && now.State.Paused == want {
		return nil
	}
	if lost(inspectErr) {
		return available(inspectErr)
	}
	return fmt.Errorf("set paused=%t on container %s: %w", want, containerName(id), err)
}

// Remove kills and removes the container and its anonymous volumes.
func (d *Docker) Remove(ctx context.Context, id string) error {
	d.forget(id)
	return d.removeContainer(ctx, id)
}

func (d *Docker) removeContainer(ctx context.Context, id string) error {
	err := d.engine.ContainerRemove(ctx, containerName(id), container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) { // it is being removed already
		gone, failed := d.engine.ContainerWait(ctx, containerName(id), container.WaitConditionRemoved)
		select {
		case <-gone:
			return nil
		case err = <-failed:
		}
	}
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove container %s: %w", containerName(id), err)
	}
	return nil
}

func (d *Docker) learn(id, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[id] = address
}

// unlearn ends reports on a sandbox, which is still being made.
func (d *Docker) unlearn(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, id)
}

// forget makes what may appear of a sandbox a stray.
func (d *Docker) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, id)
	delete(d.making, id)
}

// claim says that somebody has something to do with a sandbox that doesn't run.
func (d *Docker) claim(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.making[id] = true
}

// begin notes that Provision is at a sandbox, as soon as its container is not
// being removed as a stray.
func (d *Docker) begin(ctx context.Context, id string) error {
	for {
		d.mu.Lock()
		removed := d.strays[id]
		if removed == nil {
			d.making[id] = true
			d.mu.Unlock()
			return nil
		}
		d.mu.Unlock()
		select {
		case <-removed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Docker) done(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.making, id)
}

func (d *Docker) knows(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.known[id]
	return ok
}

// claimStray reports whether nobody here has anything to do with a sandbox, so
// that its container is to be removed. Provision waits until release is called.
func (d *Docker) claimStray(id string) (release func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.known[id]; known || d.making[id] || d.strays[id] != nil {
		return nil, false
	}
	removed := make(chan struct{})
	d.strays[id] = removed
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.strays, id)
		close(removed)
	}, true
}
