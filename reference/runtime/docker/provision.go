package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// How long the engine may take for a step that must not be broken off, and for
// cleaning up after one that failed.
const (
	createTimeout  = time.Minute
	cleanupTimeout = time.Minute
)

// Provision makes and starts the sandbox's container, pulling its image only
// if the engine doesn't have it.
func (d *Docker) Provision(ctx context.Context, spec runtime.Spec) (err error) {
	defer func() { d.pool.note(spec, err == nil) }()
	if err := d.affordable(spec.Limits); err != nil {
		return err
	}
	if err := d.begin(ctx, spec.ID); err != nil {
		return err
	}
	defer func() {
		if lost(err) {
			err = engineLost(err) // and still ours: who asks again goes on with it
			return
		}
		d.done(spec.ID)
	}()
	if done, err := d.provisionPrepared(ctx, spec); done {
		return err
	}
	started, err := d.create(ctx, spec)
	if err != nil {
		return err
	}
	defer func() {
		switch {
		case lost(err):
			d.unlearn(spec.ID)
		case err != nil:
			d.cleanUp(ctx, spec.ID)
		}
	}()
	if !started {
		if err := d.execd.fill(ctx, spec.Image); err != nil {
			return fmt.Errorf("put execd into a volume: %w", err)
		}
		if err := d.start(ctx, spec); err != nil {
			return err
		}
	}
	// From here on Watch reports its end; what ended before shows now.
	d.learn(spec.ID, "")
	now, err := d.engine.ContainerInspect(ctx, containerName(spec.ID))
	if err != nil {
		return fmt.Errorf("look at container %s: %w", containerName(spec.ID), err)
	}
	if !now.State.Running {
		return &runtime.Exited{Exit: d.exitOf(ctx, spec.ID, now.State)}
	}
	d.learn(spec.ID, addressIn(now.NetworkSettings.Networks))
	return nil
}

// create makes the container, and pulls the image when there is none. started
// says that there is nothing to start any more: see takeOver.
func (d *Docker) create(ctx context.Context, spec runtime.Spec) (started bool, err error) {
	started, err = d.createOnce(ctx, spec)
	if d.network.lacks(err) { // engines after 20.10 look for it here, not at the start
		if err := d.network.ensure(ctx, true); err != nil {
			return false, err
		}
		started, err = d.createOnce(ctx, spec)
	}
	if !isNotFound(err) || d.network.lacks(err) {
		return started, err
	}
	if err := d.pull(ctx, spec.Image, spec.Auth); err != nil {
		return false, err
	}
	started, err = d.createOnce(ctx, spec)
	if isNotFound(err) {
		return false, &runtime.Failure{Reason: runtime.ReasonImageNotFound, Err: err,
			Message: fmt.Sprintf("image %q was pulled and is gone again; try again", spec.Image)}
	}
	return started, err
}

func (d *Docker) createOnce(ctx context.Context, spec runtime.Spec) (started bool, err error) {
	// An engine goes on creating when its client hangs up, and the container
	// would appear after the cleaning up: so wait for it, it takes milliseconds.
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 10*time.Millisecond, time.Second
	made, err := backoff.Retry(wait, func() (container.CreateResponse, error) {
		made, err := d.engine.ContainerCreate(wait, d.containerConfig(spec), d.hostConfig(spec), nil, nil, containerName(spec.ID))
		if err == nil || ctx.Err() != nil || !errdefs.IsConflict(err) {
			return made, permanent(err)
		}
		var taken bool
		if taken, started, err = d.takeOver(wait, spec.ID, err); taken {
			return made, nil
		}
		return made, err
	}, backoff.WithBackOff(b))
	if err != nil {
		return false, createFailure(spec, err)
	}
	for _, warning := range made.Warnings {
		d.log.Warn("the engine warns about a container", "sandbox", spec.ID, "warning", warning)
	}
	if ctx.Err() != nil {
		d.cleanUp(ctx, spec.ID)
		return false, ctx.Err()
	}
	return started, nil
}

// takeOver looks at a container that has the sandbox's name already. A server
// that was killed had asked for it, and may have asked for its start, which an
// engine carries out all the same. So it is gone on with: to remove it could
// end what the sandbox has begun. started says that it runs, or did.
func (d *Docker) takeOver(ctx context.Context, id string, conflict error) (taken, started bool, err error) {
	now, err := d.engine.ContainerInspect(ctx, containerName(id))
	switch {
	case isNotFound(err):
		return false, false, conflict // gone, or not quite there
	case err != nil:
		return false, false, err
	case now.Config.Labels[labelInstance] != d.cfg.Instance:
		return false, false, backoff.Permanent(conflict)
	}
	switch now.State.Status {
	case container.StateCreated:
		return true, false, nil
	case container.StateRunning, container.StatePaused:
		if addressIn(now.NetworkSettings.Networks) != "" {
			return true, true, nil
		}
		// An engine that was restarted while it started it has left it without a network.
	case container.StateExited:
		if !neverStarted(now.State) && !d.exitOf(ctx, id, now.State).Removed {
			return true, true, nil
		}
	case container.StateRemoving:
		return false, false, conflict // soon gone
	}
	return false, false, errors.Join(conflict, d.removeContainer(ctx, id))
}

func permanent(err error) error {
	if err == nil {
		return nil
	}
	return backoff.Permanent(err)
}

// start starts the container. A volume without execd in it (the engine makes
// an empty one when somebody removed ours) is filled again, and a network that
// another server took away with it is made again.
func (d *Docker) start(ctx context.Context, spec runtime.Spec) error {
	err := d.engine.ContainerStart(ctx, containerName(spec.ID), container.StartOptions{})
	if err != nil && ctx.Err() == nil && d.network.lacks(err) {
		if err := d.network.ensure(ctx, true); err != nil {
			return err
		}
		err = d.engine.ContainerStart(ctx, containerName(spec.ID), container.StartOptions{})
	}
	if err != nil && ctx.Err() == nil && halfStarted(err) {
		d.log.Warn("the engine lost track of a container that it was starting, which is made anew", "sandbox", spec.ID)
		if err := d.removeContainer(ctx, spec.ID); err != nil {
			return err
		}
		if _, err := d.createOnce(ctx, spec); err != nil {
			return err
		}
		err = d.engine.ContainerStart(ctx, containerName(spec.ID), container.StartOptions{})
	}
	if err != nil && ctx.Err() == nil && lacksExecd(err) {
		d.log.Warn("the volume of execd is empty, and is filled again", "sandbox", spec.ID)
		if err := d.execd.refill(ctx, spec.Image); err != nil {
			return fmt.Errorf("put execd into a volume again: %w", err)
		}
		err = d.engine.ContainerStart(ctx, containerName(spec.ID), container.StartOptions{})
	}
	if err != nil {
		return startFailure(spec, err)
	}
	return nil
}

func (d *Docker) cleanUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := d.Remove(ctx, id); err != nil {
		d.log.Error("could not clean up", "sandbox", id, "error", err)
	}
}
