package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

var scratch = recipe{
	ref:     "opensandbox/scratch:local",
	sources: []string{"scratch.go", "engine.go", "wait/main.go"},
	changes: []string{`CMD ["/wait"]`},
	write:   writeScratch,
	verify:  verifyScratch,
}

const waitPackage = "github.com/opensandbox-conformance/opensandbox-conformance/tools/images/wait"

// writeScratch writes a root file system that holds one static program, and neither
// a folder nor a loader beside it.
func writeScratch(ctx context.Context, b *builder, w io.Writer) error {
	program := filepath.Join(b.cache, "wait")
	// The flags are those of "make build": its cache serves here too.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, waitPackage)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+b.engine.arch)
	if _, err := output(cmd); err != nil {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	tree := tar.NewWriter(w)
	if err := tree.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "wait", Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	if _, err := tree.Write(content); err != nil {
		return err
	}
	return tree.Close()
}

// verifyScratch asks that the program starts and that SIGTERM ends it well.
func verifyScratch(ctx context.Context, b *builder, id string) error {
	container, err := b.engine.start(ctx, id)
	if err != nil {
		return err
	}
	defer b.engine.remove(ctx, container)
	if err := b.engine.await(ctx, container, "waiting\n"); err != nil {
		return err
	}
	status, err := b.engine.stop(ctx, container, 5*time.Second)
	if err == nil && status != 0 {
		err = fmt.Errorf("stopped, it ended with status %d, not 0", status)
	}
	return err
}
