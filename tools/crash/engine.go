package main

import (
	"context"
	"fmt"
	"os"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
)

// engine looks at the server's containers behind its back.
type engine struct {
	docker *client.Client
	server *server
}

// containers returns all containers of the server, whatever became of them, by
// the sandbox that they are for; "" has those that are for none.
func (e *engine) containers(ctx context.Context) (map[string][]container.Summary, error) {
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
func (e *engine) clear(ctx context.Context) {
	all, err := e.containers(ctx)
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
