package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

type gcCommand struct {
	configFile
	stateFlag
	runtimeFlags

	DryRun bool `help:"Only say what would be removed."`
}

// Run removes what the runtime has and the state has no row of. It holds the
// state directory meanwhile: no server can make a sandbox that it would take
// for one of those.
func (c *gcCommand) Run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := store.Exists(c.State); err != nil {
		return err
	}
	state, err := store.Open(ctx, c.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	rows, err := state.Load(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(rows))
	for _, sb := range rows {
		known[sb.ID] = true
	}

	engine, err := c.open(ctx, c.State, state, ofServer{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()
	found, err := engine.List(ctx)
	if err != nil {
		return err
	}
	unknown := 0
	for _, instance := range found {
		if known[instance.ID] {
			continue
		}
		unknown++
		if c.DryRun {
			fmt.Println("would remove", instance.ID)
			continue
		}
		if err := engine.Remove(ctx, instance.ID); err != nil {
			return err
		}
		fmt.Println("removed", instance.ID)
	}
	fmt.Fprintf(os.Stderr, "%d sandboxes at the runtime, %d of them unknown to %s\n", len(found), unknown, c.State)
	return nil
}
