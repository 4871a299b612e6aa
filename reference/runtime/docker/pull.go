package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// pull gets an image from its registry, once for all who need it now. auth goes
// to the engine for this one call and nowhere else.
func (d *Docker) pull(ctx context.Context, ref string, auth *runtime.Auth) error {
	d.log.Debug("an image is not on the host", "image", ref)
	return d.pulls.join(ctx, keyOf(ref, auth), func(ctx context.Context) error { return d.pullNow(ctx, ref, auth) })
}

func (d *Docker) pullNow(ctx context.Context, ref string, auth *runtime.Auth) error {
	limit, cancel := context.WithTimeout(ctx, d.cfg.PullTimeout)
	defer cancel()
	var options image.PullOptions
	if auth != nil {
		encoded, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: auth.Username, Password: auth.Password})
		if err != nil {
			// The cause may quote what it could not encode.
			return errors.New("encode the credentials of an image")
		}
		options.RegistryAuth = encoded
	}
	d.log.Info("pulling an image", "image", ref)
	err := d.pullOnce(limit, ref, options)
	switch {
	case err == nil:
		d.log.Info("pulled an image", "image", ref)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limit.Err() != nil:
		return &runtime.Failure{Reason: runtime.ReasonImagePullFailed,
			Message: fmt.Sprintf("image %q could not be pulled within %s", ref, d.cfg.PullTimeout)}
	}
	if lost(err) {
		return err
	}
	failure := pullFailure(ref, auth, err.Error())
	failure.Err = err
	return failure
}

func (d *Docker) pullOnce(ctx context.Context, ref string, options image.PullOptions) error {
	progress, err := d.engine.ImagePull(ctx, ref, options)
	if err != nil {
		return err
	}
	defer progress.Close()
	decoder := json.NewDecoder(progress)
	for {
		var line struct {
			Error string `json:"error"`
		}
		if err := decoder.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the progress of a pull: %w", err)
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
	}
}
