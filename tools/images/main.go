// Command images builds the local images that sandboxes are tried with:
// opensandbox/scratch:local, one static program that waits and nothing else,
// opensandbox/debian:local, made of Debian packages, and opensandbox/jupyter:local,
// the same with a Jupyter kernel. No image is pulled, nothing is installed, and an
// image whose recipe has not changed is left as it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `Usage: tools/images/build [--force] [--cache DIR]

Builds the images opensandbox/scratch:local, opensandbox/debian:local and
opensandbox/jupyter:local in the Docker engine that DOCKER_HOST names, verifies
them by running each once, and leaves alone those whose recipe has not changed.
Needs no root; the latter two need the apt-get and package sources of a Debian or
Ubuntu machine.

`

const skipped = `
*** No Docker engine can be used: EVERY TEST THAT NEEDS ONE WILL BE SKIPPED.
*** %v

`

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	force := flag.Bool("force", false, "build although the recipe has not changed: takes newer packages in")
	cache := flag.String("cache", ".cache/images", "`folder` that keeps downloaded packages")
	optional := flag.Bool("if-docker", false, "succeed, loudly, where no engine can be used, unless OPENSANDBOX_REQUIRE_DOCKER is set")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *cache, *force)
	stop()
	if lack := (noEngineError{}); *optional && os.Getenv("OPENSANDBOX_REQUIRE_DOCKER") == "" && errors.As(err, &lack) {
		fmt.Fprintf(os.Stderr, skipped, lack)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cache string, force bool) error {
	engine, err := connect(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	cache, err = filepath.Abs(cache)
	if err != nil {
		return err
	}
	unlock, err := lock(cache)
	if err != nil {
		return fmt.Errorf("lock %s: %w", cache, err)
	}
	defer func() { _ = unlock() }()
	b := &builder{engine: engine, cache: cache, force: force}
	for _, r := range []recipe{scratch, debian, jupyter} {
		if err := b.ensure(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", r.ref, err)
		}
	}
	return nil
}

// lock makes a second build of this checkout wait for the first.
func lock(cache string) (unlock func() error, err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(cache, "lock"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return file.Close, nil
}
