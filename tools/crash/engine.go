package main

import (
	"context"
	"fmt"
	"os"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
)

// engine looks at what the server's runtime has behind its back.
type engine interface {
	// instances returns all that there is of the server, whatever became of it,
	// by the sandbox that it is for; "" has what is for none.
	instances(ctx context.Context) (map[string][]instance, error)
	// clear removes all of it.
	clear(ctx context.Context)
}

// instance is a container, or the processes of a sandbox.
type instance struct {
	name  string
	id    string // of this one, and none made later
	state string // "running", "paused", or something else
}

// containers is the engine of the runtime docker.
type containers struct {
	docker *client.Client
	server *server
}

func (e *containers) instances(ctx context.Context) (map[string][]instance, error) {
	found, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string][]instance{}
	for id, list := range found {
		for _, c := range list {
			all[id] = append(all[id], instance{name: fmt.Sprint(c.Names), id: c.ID, state: c.State})
		}
	}
	return all, nil
}

func (e *containers) list(ctx context.Context) (map[string][]container.Summary, error) {
	instance, err := e.server.instance()
	if err != nil {
		return nil, fmt.Errorf("read the server's id: %w", err)
	}
	all := map[string][]container.Summary{}
	for _, label := range []string{"io.opensandbox.instance=", "io.opensandbox.filler="} {
		list, err := e.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label+instance))})
		if err != nil {
			return nil, fmt.Errorf("list containers: %w", err)
		}
		for _, c := range list {
			id := c.Labels["io.opensandbox.sandbox"]
			all[id] = append(all[id], c)
		}
	}
	return all, nil
}

// clear removes all containers of the server.
func (e *containers) clear(ctx context.Context) {
	all, err := e.list(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "could not clean up:", err)
		return
	}
	for _, list := range all {
		for _, c := range list {
			if err := e.docker.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
				fmt.Fprintln(os.Stderr, "could not clean up:", err)
			}
		}
	}
}
