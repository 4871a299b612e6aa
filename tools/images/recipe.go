package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// label holds, on each image, the hash of the recipe that it was built by.
const label = "opensandbox.image.recipe"

//go:embed *.go rootfs/rootfs.go wait/main.go
var sources embed.FS

// A recipe is all that it takes to build one image.
type recipe struct {
	ref     string
	sources []string // the files that decide what the image is
	changes []string // Dockerfile instructions that configure it
	write   func(context.Context, *builder, io.Writer) error
	verify  func(ctx context.Context, b *builder, id string) error
}

func (r recipe) hash() (string, error) {
	sum := sha256.New()
	for _, name := range r.sources {
		content, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

type builder struct {
	engine *engine
	cache  string
	force  bool
}

// ensure builds the image unless it is there by this very recipe. The name moves
// to a new image only after that one was verified.
func (b *builder) ensure(ctx context.Context, r recipe) error {
	begun := time.Now()
	hash, err := r.hash()
	if err != nil {
		return err
	}
	old, err := b.engine.ImageInspect(ctx, r.ref)
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if old.Config != nil && old.Config.Labels[label] == hash && !b.force {
		fmt.Println(r.ref, "is up to date")
		return nil
	}
	id, err := b.build(ctx, r, hash)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := r.verify(ctx, b, id); err != nil {
		b.discard(ctx, id)
		return fmt.Errorf("verify: %w", err)
	}
	if err := b.engine.ImageTag(ctx, id, r.ref); err != nil {
		return err
	}
	if old.ID != "" && old.ID != id {
		b.discard(ctx, old.ID)
	}
	built, err := b.engine.ImageInspect(ctx, r.ref)
	if err != nil {
		return err
	}
	fmt.Printf("%s built and verified in %.1f s, %.1f MB\n", r.ref, time.Since(begun).Seconds(), float64(built.Size)/1e6)
	return nil
}

// build streams the root file system into the engine while it is being written.
func (b *builder) build(ctx context.Context, r recipe, hash string) (id string, err error) {
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := r.write(ctx, b, writer)
		writer.CloseWithError(err)
		written <- err
	}()
	id, err = b.engine.load(ctx, reader, slices.Concat(r.changes, []string{"LABEL " + label + "=" + hash}))
	_ = reader.Close() // a pipe
	failed := <-written
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case failed != nil && !errors.Is(failed, io.ErrClosedPipe):
		return "", failed // the engine's error only echoes it
	}
	return id, err
}

// discard leaves an image that a container still uses.
func (b *builder) discard(ctx context.Context, id string) {
	_, _ = b.engine.ImageRemove(context.WithoutCancel(ctx), id, image.RemoveOptions{})
}
