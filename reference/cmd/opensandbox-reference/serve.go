package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/limit"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/manage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

type serveCommand struct {
	settings
}

const (
	startTimeout = 30 * time.Second // to reach the engine and take sandboxes over
	closeTimeout = 10 * time.Second // for work in progress at the end
)

// Run serves until a signal comes.
func (c *serveCommand) Run() error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return c.serve(ctx, stop, keys)
}

func (c *serveCommand) serve(ctx context.Context, stop func(), keys []string) (err error) {
	log := c.logger()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	state, err := store.Open(starting, c.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()

	pool, err := c.pool()
	if err != nil {
		return err
	}
	engine, err := c.open(starting, c.State, state, ofServer{hide: c.secretFiles(), pool: pool}, log)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, engine.Close(closing))
	}()

	if err := c.confine(engine.Name()); err != nil {
		return err
	}
	cfg := reference.Config{
		Store: state, Runtime: engine, Log: log, Keys: keys, PublicAddress: c.PublicAddress,
		ManualCleanup: c.ManualCleanup, MaxTimeout: c.MaxTimeout, Retention: c.Retention,
		HeaderTimeout: c.ServiceTimeout, MaxBody: c.MaxBodyBytes,
	}
	if c.Rate > 0 {
		cfg.Limit = limit.New(c.Rate, c.Burst)
	}
	var metrics *manage.Metrics
	if c.ManageListen != "" {
		metrics = manage.NewMetrics()
		cfg.Observe = metrics.Observe
	}
	server, err := reference.New(starting, cfg)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		server.Close(closing)
	}()
	if err := server.Start(starting); err != nil {
		return err
	}
	if metrics != nil {
		metrics.Watch(manage.Sources{Sandboxes: server.Sandboxes, Carried: server.Carried})
	}
	return c.listen(ctx, stop, server, metrics, engine, log)
}

// announce writes the address for scripts that started the server on port 0.
func (c *serveCommand) announce(address string) error {
	if c.AddressFile == "" {
		return nil
	}
	// Renamed into place: who waits for the file must not see half an address.
	draft := c.AddressFile + ".new"
	if err := os.WriteFile(draft, []byte(address+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	if err := os.Rename(draft, c.AddressFile); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	return nil
}

func (c *serveCommand) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
