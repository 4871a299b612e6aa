package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

// ownLabel is on the containers that the benchmarks make without the server.
const ownLabel = "io.opensandbox.bench"

// lifecycle is a reference server that runs.
type lifecycle struct {
	*server
	image  string
	engine *client.Client
	label  string        // of its containers
	look   time.Duration // how long is waited before a state is looked at again, which takes a processor from the engine
}

// startServer starts the server with sandboxes in containers, which are all removed in the end, those with ownLabel too.
// It skips the benchmark where there is no Docker engine.
func startServer(b *testing.B, rows int, flags ...string) *lifecycle {
	b.Helper()
	engine := dockertest.Engine(b)
	label := ""
	b.Cleanup(func() { // after the server has ended
		removeAll(b, engine, label)
		removeAll(b, engine, ownLabel)
	})
	s, instance := serve(b, rows, append(flags, "--runtime", "docker")...)
	label = "io.opensandbox.instance=" + instance
	return &lifecycle{server: s, image: dockertest.Debian, engine: engine, label: label, look: 3 * time.Millisecond}
}

// serve starts the server on a state directory, which holds rows sandboxes that are over, and gives its instance too.
func serve(b *testing.B, rows int, flags ...string) (*server, string) {
	b.Helper()
	dir := b.TempDir()
	state, err := store.Open(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	instance := state.Instance()
	seed(b, state, rows)
	if err := state.Close(); err != nil {
		b.Fatal(err)
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--state", dir, "--api-key", token, "--retention", "24h", "--log-level", "info"}, flags...)
	return start(b, exec.Command(binary(b, "opensandbox-reference"), args...)), instance
}

func removeAll(b *testing.B, engine *client.Client, label string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	left, err := engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		b.Error(err)
	}
	for i := range left {
		if err := engine.ContainerRemove(ctx, left[i].ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			b.Log(err)
		}
	}
}

// sandbox is what the benchmarks read of one.
type sandbox struct {
	ID     string
	Status struct{ State, Reason, Message string }
}

// call makes a request of the API and reads the answer into out, unless that is nil. It gives the status.
func (l *lifecycle) call(b *testing.B, method, path, body string, out any) int {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, l.url+"/v1"+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("OPEN-SANDBOX-API-KEY", token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := l.client.Do(req)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode >= 400 && res.StatusCode != http.StatusNotFound {
		b.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	if out != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(text, out); err != nil {
			b.Fatalf("%s %s: %q: %v", method, path, text, err)
		}
	}
	return res.StatusCode
}

// create asks for a sandbox, and gives its id.
func (l *lifecycle) create(b *testing.B, metadata string) string {
	b.Helper()
	var made sandbox
	l.call(b, "POST", "/sandboxes", fmt.Sprintf(`{"image":{"uri":%q},"timeout":3600,"entrypoint":["sleep","infinity"],"resourceLimits":{"cpu":"1","memory":"512Mi"},"metadata":{%s}}`, l.image, metadata), &made)
	return made.ID
}

// reach waits until a sandbox has a state; one that is forgotten is Terminated.
func (l *lifecycle) reach(b *testing.B, id, state string) {
	b.Helper()
	var now sandbox
	if !waitFor(2*time.Minute, func() bool {
		if l.call(b, "GET", "/sandboxes/"+id, "", &now) == http.StatusNotFound {
			now.Status.State = "Terminated"
		}
		if now.Status.State == "Failed" {
			b.Fatalf("%s %s", now.Status.Reason, now.Status.Message)
		}
		if now.Status.State != state {
			time.Sleep(l.look)
		}
		return now.Status.State == state
	}) {
		b.Fatalf("%s is %s and not %s", id, now.Status.State, state)
	}
}

func (l *lifecycle) running(b *testing.B) string {
	id := l.create(b, "")
	l.reach(b, id, "Running")
	return id
}

func (l *lifecycle) remove(b *testing.B, id string) {
	l.call(b, "DELETE", "/sandboxes/"+id, "", nil)
	l.reach(b, id, "Terminated")
}

// inspect looks at the container of a sandbox.
func (l *lifecycle) inspect(b *testing.B, id string) container.InspectResponse {
	now, err := l.engine.ContainerInspect(b.Context(), "opensandbox-"+id)
	if err != nil {
		b.Fatal(err)
	}
	return now
}

// address is where a sandbox's daemon can be reached without the gateway.
func (l *lifecycle) address(b *testing.B, id string) (address, token string) {
	now := l.inspect(b, id)
	for _, network := range now.NetworkSettings.Networks {
		address = network.IPAddress
	}
	for _, v := range now.Config.Env {
		if value, ok := strings.CutPrefix(v, "EXECD_ACCESS_TOKEN="); ok {
			token = value
		}
	}
	return address + ":44772", token
}

// bareCreate lets the engine make and start a container with the options of another.
func (l *lifecycle) bareCreate(b *testing.B, model *container.InspectResponse) string {
	config := *model.Config
	config.Hostname = ""
	config.Labels = map[string]string{ownLabel: ""}
	config.Env = slices.DeleteFunc(slices.Clone(config.Env), func(v string) bool { return strings.HasPrefix(v, "EXECD_ACCESS_TOKEN=") })
	made, err := l.engine.ContainerCreate(b.Context(), &config, model.HostConfig, nil, nil, "")
	if err == nil {
		err = l.engine.ContainerStart(b.Context(), made.ID, container.StartOptions{})
	}
	if err != nil {
		b.Error(err) // FailNow is for the benchmark's own goroutine
	}
	return made.ID
}

func (l *lifecycle) bareRemove(b *testing.B, id string) {
	if err := l.engine.ContainerRemove(b.Context(), id, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
		b.Error(err)
	}
}
