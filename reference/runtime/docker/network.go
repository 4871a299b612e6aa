package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/containerd/errdefs"
	dockernetwork "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
)

// DefaultNetwork is the network that is made where none is named. Its bridge
// on the engine's host has a name that stays, for rules of a firewall.
const (
	DefaultNetwork = "opensandbox"
	bridgeName     = "opensandbox0"
)

// Options of the engine's bridge driver.
const (
	optionBetween = "com.docker.network.bridge.enable_icc"
	optionBridge  = "com.docker.network.bridge.name"
)

// segment is what sandboxes are attached to: one bridge for all servers of an
// engine, since the engine has addresses for few, in which containers can't
// reach each other. Or one that the operator made, which is taken as it is.
//
// An engine takes two networks of one name when they are made at the same
// moment, but never two of one bridge: whoever comes second finds the first.
type segment struct {
	engine *client.Client
	log    *slog.Logger
	name   string
	ready  chan bool // holds one value: whether the network was seen

	ranges atomic.Pointer[[]addresses]
}

func newSegment(engine *client.Client, name string, log *slog.Logger) *segment {
	n := &segment{engine: engine, log: log, name: name, ready: make(chan bool, 1)}
	n.ready <- false
	return n
}

func (n *segment) own() bool { return n.name == DefaultNetwork }

// ensure sees that the network is there. again: it turned out not to be.
func (n *segment) ensure(ctx context.Context, again bool) error {
	var ready bool
	select {
	case ready = <-n.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { n.ready <- ready }()
	if ready && !again {
		return nil
	}
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 20*time.Millisecond, time.Second
	found, err := backoff.Retry(ctx, func() (dockernetwork.Inspect, error) {
		found, err := n.engine.NetworkInspect(ctx, n.name, dockernetwork.InspectOptions{})
		switch {
		case err == nil:
			return found, permanent(n.check(found))
		case !isNotFound(err):
			return found, permanent(err)
		case !n.own():
			return found, permanent(errors.New("the engine has no network of that name; make it first, or let the server use its own"))
		}
		// What another server does at this moment shows at the next look.
		err = n.create(ctx)
		if err == nil || errdefs.IsConflict(err) || errdefs.IsPermissionDenied(err) {
			return found, errors.Join(errors.New("it was not there"), err)
		}
		return found, permanent(err)
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(20*time.Second))
	if err != nil {
		ready = false
		return fmt.Errorf("network %q for sandboxes: %w", n.name, err)
	}
	ranges := rangesOf(found)
	n.ranges.Store(&ranges)
	ready = true
	return nil
}

func (n *segment) create(ctx context.Context) error {
	_, err := n.engine.NetworkCreate(ctx, n.name, dockernetwork.CreateOptions{
		Driver:  "bridge",
		Labels:  map[string]string{labelNetwork: "sandboxes"},
		Options: map[string]string{optionBetween: "false", optionBridge: bridgeName},
	})
	if err == nil {
		n.log.Info("made a network for sandboxes", "network", n.name, "bridge", bridgeName)
		return nil
	}
	if strings.Contains(err.Error(), "same bridge name") {
		return errors.Join(err, errdefs.ErrConflict)
	}
	return err
}

// check refuses a network of our name that lets sandboxes reach each other. On
// one of the operator's own that is theirs to decide.
func (n *segment) check(found dockernetwork.Inspect) error {
	apart := found.Options[optionBetween] == "false"
	switch {
	case !n.own() && !apart:
		n.log.Warn("in this network sandboxes may reach each other", "network", n.name, "driver", found.Driver)
	case n.own() && (!apart || found.Labels[labelNetwork] == ""):
		return errors.New("the engine has a network of that name that no server of this kind made; remove it, or have the server use another one")
	}
	return nil
}

// discard takes the network away if nobody uses it. A server that needs it
// later makes it anew.
func (n *segment) discard(ctx context.Context) {
	if !n.own() {
		return
	}
	err := n.engine.NetworkRemove(ctx, n.name)
	inUse := errdefs.IsPermissionDenied(err) || errdefs.IsConflict(err)
	if err != nil && !inUse && !isNotFound(err) && ctx.Err() == nil {
		n.log.Warn("could not remove a network", "network", n.name, "error", err)
	}
}

// lacks recognises that an engine could not find the network.
func (n *segment) lacks(err error) bool {
	return isNotFound(err) && strings.Contains(err.Error(), "network "+n.name)
}
