package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

// localImage is what sandboxes are made of over Docker, and what mutants name that choose an image themselves.
const localImage = "opensandbox/debian:local"

// closer is a runtime that is ours to close.
type closer interface {
	runtime.Runtime
	Close(ctx context.Context) error
}

// engine makes what runs the sandboxes of mutants.
func (l *Lab) engine(ctx context.Context, dir string) (closer, error) {
	if !l.Processes {
		engine, err := docker.New(ctx, docker.Config{Instance: uuid.NewString(), Execd: l.Execd})
		if err != nil {
			return nil, fmt.Errorf("docker: %w", err)
		}
		return engine, nil
	}
	engine, err := process.New(ctx, process.Config{State: dir, Instance: uuid.NewString(), Execd: l.Execd})
	if err != nil {
		return nil, err
	}
	return hosted{engine}, nil
}

// hosted has the machine's own files for the image that mutants name, and takes about as long to start as an engine: much
// of what is broken shows while a sandbox is Pending.
type hosted struct{ *process.Runtime }

func (h hosted) Provision(ctx context.Context, spec runtime.Spec) error {
	letPass(ctx, 150*time.Millisecond)
	if spec.Image == localImage {
		spec.Image = process.Image
	}
	return h.Runtime.Provision(ctx, spec)
}
