package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/prepared"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// sandboxID says which sandbox a container is. Labels can't be changed: one that was kept ready says it by its name.
func sandboxID(labels map[string]string, name string) string {
	if _, ok := labels[labelPrepared]; !ok {
		return labels[labelSandbox]
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "/"), containerName(""))
}

// provisionPrepared makes the sandbox of a container that was kept ready. done says that this is over, well or not; else
// it has left nothing behind, and the sandbox is to be made from the beginning.
func (d *Docker) provisionPrepared(ctx context.Context, spec runtime.Spec) (done bool, err error) {
	if spec.Limits.GPUs > 0 { // which can't be given later
		return false, nil
	}
	s := d.pool.pop(spec.Image)
	if s == nil {
		return false, nil
	}
	now, err := d.become(ctx, s, spec)
	if err == nil && now.Running {
		_ = s.input.CloseWrite()
		s.input.Close()
		d.releaseSpare(s.id)
		return true, nil
	}
	if err == nil {
		exit := d.exitOf(ctx, spec.ID, now)
		if !exit.Removed {
			err = &runtime.Exited{Exit: exit}
		}
	}
	d.unlearn(spec.ID)
	d.discard(ctx, s)
	exited := (*runtime.Exited)(nil)
	switch {
	case errors.As(err, &exited):
		return true, err
	case ctx.Err() != nil:
		return true, ctx.Err()
	}
	d.log.Warn("a container that was kept ready is of no use; the sandbox is made from the beginning", "sandbox", spec.ID, "error", err)
	return false, nil
}

// become gives a container what it lacks to be the sandbox. The order comes last: until then nothing of the sandbox has
// begun.
func (d *Docker) become(ctx context.Context, s *spare, spec runtime.Spec) (*container.State, error) {
	image, err := d.engine.ImageInspect(ctx, spec.Image)
	if err != nil {
		return nil, fmt.Errorf("look at image %q: %w", spec.Image, err)
	}
	if image.ID != s.image {
		return nil, fmt.Errorf("%q is another image than it was", spec.Image)
	}
	if spec.Limits != s.limits {
		if s.limits.NanoCPUs != 0 && spec.Limits.NanoCPUs == 0 || s.limits.MemoryBytes != 0 && spec.Limits.MemoryBytes == 0 {
			return nil, fmt.Errorf("container %s has a limit that can't be taken away", s.id)
		}
		_, err := d.engine.ContainerUpdate(ctx, s.container, container.UpdateConfig{Resources: container.Resources{
			NanoCPUs: spec.Limits.NanoCPUs, Memory: spec.Limits.MemoryBytes, MemorySwap: spec.Limits.MemoryBytes,
		}})
		if err != nil {
			return nil, fmt.Errorf("limit container %s: %w", s.id, err)
		}
	}
	if err := d.engine.ContainerRename(ctx, s.container, containerName(spec.ID)); err != nil {
		return nil, fmt.Errorf("name container %s: %w", s.id, err)
	}
	d.learn(spec.ID, s.address) // from here on Watch reports its end
	broken := context.AfterFunc(ctx, func() { _ = s.input.Conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer broken()
	if err := prepared.Write(s.input.Conn, &prepared.Order{Entrypoint: spec.Entrypoint, Env: spec.Env, Token: spec.Token}); err != nil {
		return nil, fmt.Errorf("order container %s: %w", s.id, err)
	}
	now, err := d.engine.ContainerInspect(ctx, s.container)
	if err != nil {
		return nil, fmt.Errorf("look at container %s: %w", s.id, err)
	}
	return now.State, nil
}

// unused tells whether a container ended without an order: nothing of a sandbox has begun in it.
func unused(exit runtime.Exit) bool {
	return exit.ExitCode == prepared.Status && exit.Message == prepared.Unused
}
