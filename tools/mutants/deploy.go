package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

// daemon is a bare execd.
func daemon(m Mutant) (http.Handler, func(), error) {
	cfg := execd.Config{Token: token, Log: slog.New(slog.DiscardHandler)}
	if m.Setup.NoToken {
		cfg.Token = ""
	}
	d, err := execd.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

// server is the reference server, with a state of its own.
func (l *Lab) server(ctx context.Context, m Mutant, act func()) (_ http.Handler, _ func(), err error) {
	var undo []func()
	stop := func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	dir, err := os.MkdirTemp(l.StateRoot, "mutant-")
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() { _ = os.RemoveAll(dir) })
	rows, err := store.Open(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() { _ = rows.Close() })
	house, err := l.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	home := house.let()
	undo = append(undo, home.clear)
	var runs runtime.Runtime = home
	if m.Runtime != nil {
		runs = m.Runtime(runs, act)
	}
	var clock sandbox.Clock = sandbox.SystemClock{}
	if m.Clock != nil {
		clock = m.Clock(clock, act)
	}
	manager, err := sandbox.New(ctx, sandbox.Config{
		Store: rows, Runtime: runs, Clock: clock, Log: slog.New(slog.DiscardHandler), ManualCleanup: m.Setup.Manual,
	})
	if err != nil {
		return nil, nil, err
	}
	if err := manager.Start(ctx); err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() {
		end, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		manager.Close(end)
	})
	door := gateway.New(gateway.Config{Sandboxes: manager})
	undo = append(undo, door.Close)
	var api lifecycleapi.Handler = &reference.API{Sandboxes: manager}
	if m.API != nil {
		api = m.API(api, act)
	}
	handler, err := reference.NewHandler(reference.HandlerConfig{API: api, Gateway: door, Keys: []string{apiKey}})
	return handler, stop, err
}
