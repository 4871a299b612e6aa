package reference_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

// BenchmarkCreateToRunning measures from the create request to Running, and
// beside it, in turns, the engine doing create and start with the same options.
func BenchmarkCreateToRunning(b *testing.B) {
	engine := dockertest.Engine(b)
	state, err := store.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer state.Close()
	runtime, err := docker.New(b.Context(), docker.Config{Instance: state.Instance(), Execd: dockertest.Execd(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer runtime.Close(context.WithoutCancel(b.Context()))
	manager, err := sandbox.New(b.Context(), sandbox.Config{Store: state, Runtime: runtime})
	if err != nil {
		b.Fatal(err)
	}
	if err := manager.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer manager.Close(context.WithoutCancel(b.Context()))

	first := create(b, manager)
	model, err := engine.ContainerInspect(b.Context(), "opensandbox-"+first)
	if err != nil {
		b.Fatal(err)
	}
	remove(b, manager, first)
	var ours, bare []time.Duration
	for b.Loop() {
		start := time.Now()
		id := create(b, manager)
		ours = append(ours, time.Since(start))
		remove(b, manager, id)

		start = time.Now()
		id = createBare(b, engine, &model)
		bare = append(bare, time.Since(start))
		if err := engine.ContainerRemove(b.Context(), id, container.RemoveOptions{Force: true}); err != nil {
			b.Fatal(err)
		}
	}
	p50 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds()) / 1000
	}
	b.ReportMetric(p50(ours), "p50-ms")
	b.ReportMetric(p50(bare), "engine-p50-ms")
	b.ReportMetric(p50(ours)/p50(bare), "times-engine")
}

func create(b *testing.B, m *sandbox.Manager) string {
	timeout := int64(600)
	sb, err := m.Create(b.Context(), sandbox.CreateRequest{Image: dockertest.Debian, Entrypoint: []string{"sleep", "infinity"}, Timeout: &timeout})
	if err != nil {
		b.Fatal(err)
	}
	return reach(b, m, sb.ID, sandbox.Running)
}

func remove(b *testing.B, m *sandbox.Manager, id string) {
	if err := m.Delete(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	reach(b, m, id, sandbox.Terminated)
}

func reach(b *testing.B, m *sandbox.Manager, id string, state sandbox.State) string {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		sb, err := m.Get(id)
		if err != nil || sb.Status.State == sandbox.Failed {
			b.Fatalf("%+v, %v", sb, err)
		}
		if sb.Status.State == state {
			break
		}
	}
	return id
}

func createBare(b *testing.B, engine *client.Client, model *container.InspectResponse) string {
	config := *model.Config
	config.Hostname = ""
	config.Env = slices.DeleteFunc(slices.Clone(config.Env), func(v string) bool { return strings.HasPrefix(v, "EXECD_ACCESS_TOKEN=") })
	made, err := engine.ContainerCreate(b.Context(), &config, model.HostConfig, nil, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.ContainerStart(b.Context(), made.ID, container.StartOptions{}); err != nil {
		b.Fatal(err)
	}
	return made.ID
}
