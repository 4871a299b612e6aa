package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

// engine is a runtime as a command has it: its own, to close.
type engine interface {
	runtime.Runtime
	// Guard keeps sandboxes away from a listener of this server.
	Guard(net.Listener) net.Listener
	Close(ctx context.Context) error
}

// The values of --runtime.
const (
	auto      = "auto"
	ofDocker  = "docker"
	ofProcess = "process"
)

// ofServer is what a server wants of its runtime, and no other command does.
type ofServer struct {
	hide []string       // files that no sandbox is to see
	pool map[string]int // how many containers of an image are kept ready
}

// open makes the runtime of a state directory.
func (f *runtimeFlags) open(ctx context.Context, dir string, state *store.Store, server ofServer, log *slog.Logger) (engine, error) {
	name := f.Runtime
	if name == auto {
		var err error
		if name, err = inUse(ctx, state); err != nil {
			return nil, err
		}
		if name != auto {
			log.Info("the sandboxes of this state directory are at a runtime already, which is kept", "runtime", name)
		}
	}
	opened, err := f.openNamed(ctx, name, dir, state, server, log)
	if err != nil {
		return nil, err
	}
	if err := state.SetRuntime(opened.Name()); err != nil {
		return nil, errors.Join(err, opened.Close(ctx))
	}
	return opened, nil
}

func (f *runtimeFlags) openNamed(ctx context.Context, name, dir string, state *store.Store, server ofServer, log *slog.Logger) (engine, error) {
	if name != ofProcess {
		engine, err := docker.New(ctx, docker.Config{
			Instance: state.Instance(), Execd: f.Execd, Log: log,
			Network: f.DockerNetwork, Pids: f.PidsLimit, PullTimeout: f.PullTimeout, Pool: server.pool,
		})
		if err == nil {
			return engine, nil
		}
		if name == ofDocker || ctx.Err() != nil {
			return nil, err
		}
		log.Info("no Docker engine can be used, so sandboxes are processes of this machine", "reason", err)
	}
	if len(server.pool) > 0 {
		return nil, errors.New("pool keeps containers ready, and the runtime process has none: leave it out, or use --runtime docker")
	}
	return process.New(ctx, process.Config{
		State: dir, Instance: state.Instance(), Execd: f.Execd, Log: log,
		Tier: f.ProcessTier, Pids: f.PidsLimit, Show: f.ProcessShow, Hide: server.hide,
	})
}

// inUse names the runtime that has sandboxes of the state directory, so that an
// engine that is away for a moment does not cost them; auto where there are none.
func inUse(ctx context.Context, state *store.Store) (string, error) {
	rows, err := state.Load(ctx)
	if err != nil {
		return "", err
	}
	for _, sb := range rows {
		if !sb.Status.State.Final() {
			if name := state.Runtime(); name != "" {
				return name, nil
			}
			return ofDocker, nil // an earlier version had nothing else
		}
	}
	return auto, nil
}

// confine refuses addresses that other machines can connect to where sandboxes
// are processes of this one, unless that was asked for.
func (c *serveCommand) confine(name string) error {
	if name != ofProcess || c.ProcessExposed {
		return nil
	}
	for flag, address := range map[string]string{"listen": c.Listen, "manage-listen": c.ManageListen} {
		host, _, err := net.SplitHostPort(address)
		if err != nil || host == "localhost" {
			continue // not set; check has seen it
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%s is %s, where other machines may connect, and the runtime process keeps sandboxes less apart from this machine than an engine does: "+
				"give a loopback address, or use --runtime docker; with --insecure-process-exposed it is served there all the same", flag, address)
		}
	}
	return nil
}

// secretFiles are those that this server reads its keys from.
func (c *serveCommand) secretFiles() []string {
	var files []string
	for _, path := range append([]string{c.Config}, c.APIKeyFile...) {
		if abs, err := filepath.Abs(path); err == nil && path != "" {
			files = append(files, abs)
		}
	}
	return files
}
