package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Dial connects to a port of the container's own address, or through the
// engine where that can't be reached.
func (d *Docker) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	if !d.local {
		return d.tunnel(ctx, id, port)
	}
	address, err := d.address(ctx, id)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
}

func (d *Docker) address(ctx context.Context, id string) (string, error) {
	d.mu.Lock()
	address, known := d.known[id]
	d.mu.Unlock()
	if address != "" {
		return address, nil
	}
	now, err := d.engine.ContainerInspect(ctx, containerName(id))
	if err != nil {
		return "", fmt.Errorf("look up the address of container %s: %w", containerName(id), err)
	}
	if address = addressIn(now.NetworkSettings.Networks); address == "" {
		return "", errors.New("container " + containerName(id) + " has no address: it does not run")
	}
	if known {
		d.learnAddress(id, address)
	}
	return address, nil
}

// learnAddress keeps an address, unless the sandbox was removed meanwhile.
func (d *Docker) learnAddress(id, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.known[id]; ok {
		d.known[id] = address
	}
}

func addressIn(networks map[string]*network.EndpointSettings) string {
	for _, n := range networks {
		if n != nil && n.IPAddress != "" {
			return n.IPAddress
		}
		if n != nil && n.GlobalIPv6Address != "" {
			return n.GlobalIPv6Address
		}
	}
	return ""
}

// List returns the containers of this server.
func (d *Docker) List(ctx context.Context) ([]runtime.Instance, error) {
	found, err := d.containers(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := d.instances(ctx, found)
	for i := range instances {
		if instances[i].Running {
			d.learn(instances[i].ID, "")
		} else {
			d.claim(instances[i].ID)
		}
	}
	return instances, err
}

func (d *Docker) containers(ctx context.Context) ([]container.Summary, error) {
	found, err := d.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: d.own()})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", available(err))
	}
	return found, nil
}

func (d *Docker) instances(ctx context.Context, found []container.Summary) ([]runtime.Instance, error) {
	instances := make([]runtime.Instance, 0, len(found))
	for i := range found {
		if d.isSpare(summaryID(&found[i])) {
			continue
		}
		instance, err := d.instance(ctx, &found[i])
		if err != nil {
			return nil, err
		}
		instances = append(instances, instance)
	}
	return instances, nil
}

func summaryID(found *container.Summary) string {
	return sandboxID(found.Labels, strings.Join(found.Names, ""))
}

func (d *Docker) own() filters.Args {
	return filters.NewArgs(filters.Arg("label", labelInstance+"="+d.cfg.Instance))
}

func (d *Docker) instance(ctx context.Context, found *container.Summary) (runtime.Instance, error) {
	instance := runtime.Instance{ID: summaryID(found)}
	switch found.State {
	case container.StateCreated, container.StateRemoving, container.StateDead:
		// Also what a server was removing when it was killed: no end of its own.
		return instance, nil
	case container.StateRunning, container.StatePaused:
		instance.Running = true
		instance.Paused = found.State == container.StatePaused
		return instance, nil
	}
	now, err := d.engine.ContainerInspect(ctx, found.ID)
	if isNotFound(err) {
		instance.Exit = &runtime.Exit{ID: instance.ID, Removed: true}
		return instance, nil
	}
	if err != nil {
		return runtime.Instance{}, fmt.Errorf("look at container %s: %w", found.ID, err)
	}
	if now.State.Status == container.StateRemoving || now.State.Status == container.StateDead || neverStarted(now.State) {
		return instance, nil
	}
	exit := d.exitOf(ctx, instance.ID, now.State)
	instance.Exit = &exit
	return instance, nil
}

func neverStarted(state *container.State) bool {
	started, err := time.Parse(time.RFC3339Nano, state.StartedAt)
	return err == nil && started.IsZero()
}
