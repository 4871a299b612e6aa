package docker_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

// fixture is a runtime of its own on the machine's engine.
type fixture struct {
	*docker.Docker
	t        testing.TB
	engine   *client.Client
	instance string
}

func newFixture(t testing.TB, execd string, change ...func(*docker.Config)) *fixture {
	t.Helper()
	engine := dockertest.Engine(t)
	if execd == "" {
		execd = dockertest.Execd(t)
	}
	f := &fixture{t: t, engine: engine, instance: uuid.NewString()}
	cfg := docker.Config{Instance: f.instance, Execd: execd} // a client of its own: Close closes it
	for _, c := range change {
		c(&cfg)
	}
	d, err := docker.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.Docker = d
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		for _, c := range f.containers(ctx) {
			_ = engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		}
		_ = d.Close(ctx)
	})
	return f
}

func (f *fixture) containers(ctx context.Context) []container.Summary {
	list, err := f.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", "io.opensandbox.instance="+f.instance))})
	if err != nil {
		f.t.Error(err)
	}
	return list
}

// watch collects what the runtime reports.
func (f *fixture) watch() <-chan runtime.Exit {
	exits := make(chan runtime.Exit, 16)
	ctx, cancel := context.WithCancel(f.t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = f.Watch(ctx, func(e runtime.Exit) { exits <- e }) })
	f.t.Cleanup(func() { cancel(); group.Wait() })
	return exits
}

// next waits for a report on a sandbox; one on another may come late.
func next(t testing.TB, exits <-chan runtime.Exit, id string) runtime.Exit {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case e := <-exits:
			if e.ID == id {
				return e
			}
		case <-deadline:
			t.Fatal("nothing was reported")
		}
	}
}

func spec(image string, entrypoint ...string) runtime.Spec {
	return runtime.Spec{ID: uuid.NewString(), Image: image, Entrypoint: entrypoint, Token: "the-token"}
}

// ping waits until the daemon in a sandbox answers.
func (f *fixture) ping(id string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 15*time.Second)
	defer cancel()
	for {
		status, err := f.pingOnce(ctx, id)
		if err == nil && status == http.StatusOK {
			return
		}
		if ctx.Err() != nil {
			f.t.Fatalf("the daemon does not answer: %d, %v", status, err)
		}
	}
}

func (f *fixture) pingOnce(ctx context.Context, id string) (int, error) {
	conn, err := f.Dial(ctx, id, 44772)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\nX-EXECD-ACCESS-TOKEN: the-token\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(conn)
	var status int
	_, _ = fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status)
	return status, err
}
