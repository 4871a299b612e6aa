package docker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/outage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

// behindWay is a runtime whose engine can be taken away.
func behindWay(t *testing.T, network, address string) (*fixture, *outage.Way) {
	t.Helper()
	way, err := outage.Open(network, address, dockertest.Engine(t).Dialer())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	f := newFixture(t, "", func(c *docker.Config) {
		c.Client, err = client.NewClientWithOpts(client.WithHost(way.Host()), client.WithAPIVersionNegotiation())
		if err != nil {
			t.Fatal(err)
		}
	})
	return f, way
}

func mend(t *testing.T, way *outage.Way) {
	t.Helper()
	if err := way.Mend(); err != nil {
		t.Fatal(err)
	}
}

func TestAnEngineThatGoesAwayForAWhile(t *testing.T) {
	f, way := behindWay(t, "unix", filepath.Join(t.TempDir(), "docker.sock"))
	exits := f.watch()
	stays, ends := spec(dockertest.Debian, "sleep", "infinity"), spec(dockertest.Debian, "sleep", "infinity")
	for _, s := range []runtime.Spec{stays, ends} {
		if err := f.Provision(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	way.Cut()
	if err := f.engine.ContainerKill(t.Context(), "opensandbox-"+ends.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	f.ping(stays.ID) // which needs no engine
	err := f.Provision(t.Context(), spec(dockertest.Debian, "sleep", "infinity"))
	if failure := (*runtime.Failure)(nil); !errors.As(err, &failure) || failure.Reason != runtime.ReasonRuntimeUnavailable {
		t.Errorf("provision: %v", err)
	}
	for what, do := range map[string]func(context.Context, string) error{"pause": f.Pause, "resume": f.Resume} {
		if err := do(t.Context(), stays.ID); !errors.Is(err, runtime.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := f.List(t.Context()); !errors.Is(err, runtime.ErrUnavailable) {
		t.Errorf("list: %v", err)
	}
	mend(t, way)
	if e := next(t, exits, ends.ID); e.ExitCode != 137 {
		t.Errorf("%+v", e)
	}
	if err := f.Pause(t.Context(), stays.ID); err != nil {
		t.Errorf("pause: %v", err)
	}
}

// What an engine goes on with after the connection broke does not stay, unless
// it is asked for again.
func TestNothingIsLeftOfWhatWasLostOnTheWay(t *testing.T) {
	f, way := behindWay(t, "unix", filepath.Join(t.TempDir(), "docker.sock"))
	f.watch()
	made := map[string]bool{}
	for i := range 8 {
		s := spec(dockertest.Debian, "sleep", "infinity")
		done := make(chan struct{})
		cut := time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() {
			way.Cut()
			close(done)
		})
		err := f.Provision(t.Context(), s)
		if !cut.Stop() {
			<-done
		}
		mend(t, way)
		switch {
		case err == nil:
			made[s.ID] = true
		case !errors.Is(err, runtime.ErrUnavailable):
			t.Errorf("%v", err)
		case i%2 == 0:
			if err := f.Provision(t.Context(), s); err != nil {
				t.Errorf("again: %v", err)
			}
			f.ping(s.ID)
			made[s.ID] = true
		default:
			if err := f.Remove(t.Context(), s.ID); err != nil {
				t.Errorf("remove: %v", err)
			}
		}
	}
	deadline := time.After(20 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		var left []string
		count := 0
		for _, c := range f.containers(t.Context()) {
			if made[c.Labels["io.opensandbox.sandbox"]] {
				count++
			} else {
				left = append(left, c.State+" "+c.Names[0])
			}
		}
		if len(left) == 0 && count == len(made) {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("left: %v; %d of %d that were made", left, count, len(made))
		}
	}
}
