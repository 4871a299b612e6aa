package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	dockervolume "github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// volume is the engine's volume with one build of execd in it. Its name holds
// the build, so servers of the same build share it, and what is in it never
// changes once it is complete.
//
// It is filled through a helper container that never starts. The helper's name
// is a lock: an engine has only one container of a name, so of several servers
// one fills the volume and the others wait.
type volume struct {
	engine   *client.Client
	log      *slog.Logger
	path     string // of the binary on this machine
	build    string // SHA-256 of the binary, hexadecimal
	instance string

	ready chan bool // holds one value: whether this server knows it complete
}

func newVolume(engine *client.Client, path, instance string, log *slog.Logger) (*volume, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open execd, which goes into every sandbox: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return nil, fmt.Errorf("read execd, which goes into every sandbox: %w", err)
	}
	v := &volume{engine: engine, log: log, path: path, instance: instance,
		build: hex.EncodeToString(sum.Sum(nil)), ready: make(chan bool, 1)}
	v.ready <- false
	return v, nil
}

// name serves as the name of the volume and of the helper.
func (v *volume) name() string { return "opensandbox-execd-" + v.build[:16] }

func (v *volume) labels() map[string]string { return map[string]string{labelExecd: v.build} }

func (v *volume) mount(readOnly bool) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: v.name(), Target: execdDir, ReadOnly: readOnly,
		// The engine makes the volume when it is first mounted.
		VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: v.labels()},
	}
}

// fill sees that the volume is complete, once in the life of a server. Any
// image that the engine has will do.
func (v *volume) fill(ctx context.Context, image string) error { return v.ensure(ctx, image, false) }

// refill does so again, after the volume turned out to be empty.
func (v *volume) refill(ctx context.Context, image string) error { return v.ensure(ctx, image, true) }

func (v *volume) ensure(ctx context.Context, image string, again bool) error {
	var ready bool
	select {
	case ready = <-v.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { v.ready <- ready }()
	if ready && !again {
		return nil
	}
	ready = false
	if err := v.withHelper(ctx, image, v.complete); err != nil {
		return err
	}
	ready = true
	v.removeStale(ctx)
	return nil
}

// A helper of this age belongs to a server that died: filling takes a second.
const helperLifetime = 20 * time.Second

// withHelper runs do while the helper exists.
func (v *volume) withHelper(ctx context.Context, image string, do func(context.Context) error) error {
	config := &container.Config{Image: image, Entrypoint: []string{execdPath}, Labels: map[string]string{labelExecd: v.build, labelFiller: v.instance}}
	host := &container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{v.mount(false)}}
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 20*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		// Not broken off half-way, for the same reason as a sandbox's.
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
		defer cancel()
		_, err := v.engine.ContainerCreate(wait, config, host, nil, nil, v.name())
		if errdefs.IsConflict(err) {
			v.removeAbandoned(ctx)
			return struct{}{}, err
		}
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(3*helperLifetime))
	if err != nil {
		return fmt.Errorf("create the helper %s: %w", v.name(), err)
	}
	defer v.removeHelper(ctx)
	return do(ctx)
}

// removeOwnHelpers takes away what the last run of this very server left when
// it was killed.
func (v *volume) removeOwnHelpers(ctx context.Context) error {
	list, err := v.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelFiller+"="+v.instance))})
	if err != nil {
		return fmt.Errorf("look for helpers: %w", err)
	}
	for _, helper := range list {
		err := v.engine.ContainerRemove(ctx, helper.ID, container.RemoveOptions{Force: true})
		if err != nil && !isNotFound(err) && !errdefs.IsConflict(err) { // conflict: being removed already
			return fmt.Errorf("remove the helper %s: %w", helper.ID, err)
		}
	}
	return nil
}

func (v *volume) removeHelper(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	err := v.engine.ContainerRemove(ctx, v.name(), container.RemoveOptions{Force: true})
	if err != nil && !isNotFound(err) {
		v.log.Error("could not remove a helper", "container", v.name(), "error", err)
	}
}

func (v *volume) removeAbandoned(ctx context.Context) {
	helper, err := v.engine.ContainerInspect(ctx, v.name())
	if err != nil {
		return
	}
	// There is only one filling here at a time: another of ours is of a run that
	// was killed.
	own := helper.Config != nil && helper.Config.Labels[labelFiller] == v.instance
	created, err := time.Parse(time.RFC3339Nano, helper.Created)
	if !own && (err != nil || time.Since(created) < helperLifetime) {
		return
	}
	if err := v.engine.ContainerRemove(ctx, helper.ID, container.RemoveOptions{Force: true}); err == nil {
		v.log.Warn("removed a helper that its server left behind", "container", v.name())
	}
}

// complete looks at what is in the volume, and fills it if it isn't execd.
func (v *volume) complete(ctx context.Context) error {
	have, err := v.buildInside(ctx)
	if err != nil {
		return err
	}
	if have == v.build {
		return nil
	}
	binary, err := os.ReadFile(v.path)
	if err != nil {
		return fmt.Errorf("read execd: %w", err)
	}
	if sum := sha256.Sum256(binary); hex.EncodeToString(sum[:]) != v.build {
		return fmt.Errorf("%s changed since the server started; restart the server", v.path)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	header := &tar.Header{Typeflag: tar.TypeReg, Name: "execd", Mode: 0o555, Size: int64(len(binary))}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err := w.Write(binary); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := v.engine.CopyToContainer(ctx, v.name(), execdDir, &archive, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("copy execd into the volume %s: %w", v.name(), err)
	}
	v.log.Info("filled a volume with execd", "volume", v.name())
	return nil
}

// buildInside returns the SHA-256 of the execd in the volume, "" without one.
func (v *volume) buildInside(ctx context.Context) (string, error) {
	archive, _, err := v.engine.CopyFromContainer(ctx, v.name(), execdPath)
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look into the volume %s: %w", v.name(), err)
	}
	defer archive.Close()
	r := tar.NewReader(archive)
	if _, err := r.Next(); err != nil {
		return "", fmt.Errorf("look into the volume %s: %w", v.name(), err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", fmt.Errorf("look into the volume %s: %w", v.name(), err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// removeStale takes away the volumes of other builds that no container uses.
func (v *volume) removeStale(ctx context.Context) {
	list, err := v.engine.VolumeList(ctx, dockervolume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelExecd))})
	if err != nil {
		v.log.Warn("could not look for old volumes", "error", err)
		return
	}
	for _, old := range list.Volumes {
		if old.Name != v.name() {
			v.remove(ctx, old.Name)
		}
	}
}

// discard takes the volume itself away if no container uses it. A server that
// needs it later makes it anew.
func (v *volume) discard(ctx context.Context) { v.remove(ctx, v.name()) }

func (v *volume) remove(ctx context.Context, name string) {
	err := v.engine.VolumeRemove(ctx, name, false)
	inUse := errdefs.IsConflict(err)
	if err != nil && !inUse && !isNotFound(err) && !errors.Is(err, context.Canceled) {
		v.log.Warn("could not remove a volume", "volume", name, "error", err)
	}
}
