package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// What happens behind the server's back shows within a second after the engine
// says so.
func TestWhatHappensBehindTheServersBack(t *testing.T) {
	s := newServer(t)
	instance, err := os.ReadFile(filepath.Join(s.state, "instance"))
	if err != nil {
		t.Fatal(err)
	}
	happened, broken := s.engine.Events(t.Context(), events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", "io.opensandbox.instance="+strings.TrimSpace(string(instance))), filters.Arg("event", "die"), filters.Arg("event", "destroy"))})
	const greedy = `while [ ! -e /go ]; do sleep 0.05; done; exec python3 -c 'x = bytearray(1 << 30)'`
	for _, c := range []struct {
		name       string
		entrypoint []string
		do         func(id string) error
		state      string
		reason     string
	}{
		{"killed", []string{"sleep", "infinity"},
			func(id string) error { return s.engine.ContainerKill(t.Context(), "opensandbox-"+id, "KILL") }, "Failed", "ENTRYPOINT_EXITED"},
		{"stopped", []string{"sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"},
			func(id string) error {
				return s.engine.ContainerStop(t.Context(), "opensandbox-"+id, container.StopOptions{})
			}, "Terminated", "ENTRYPOINT_EXITED"},
		{"out of memory", []string{"sh", "-c", greedy},
			func(id string) error { s.run(id, "touch /go"); return nil }, "Failed", "OUT_OF_MEMORY"},
		{"removed", []string{"sleep", "infinity"},
			func(id string) error {
				return s.engine.ContainerRemove(t.Context(), "opensandbox-"+id, container.RemoveOptions{Force: true})
			}, "Failed", "INSTANCE_LOST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := s.create(dockertest.Debian, c.entrypoint...)
			s.await(id, "Running")
			if err := c.do(id); err != nil {
				t.Fatal(err)
			}
			var at time.Time
			for at.IsZero() {
				select {
				case e := <-happened:
					if e.Actor.Attributes["io.opensandbox.sandbox"] == id {
						at = time.Unix(0, e.TimeNano)
					}
				case err := <-broken:
					t.Fatal(err)
				case <-time.After(30 * time.Second):
					t.Fatal("the engine says nothing")
				}
			}
			b := s.await(id, c.state)
			if b.Status.Reason != c.reason || b.Status.Message == "" {
				t.Errorf("%+v, want %s", b.Status, c.reason)
			}
			_, answer := s.do("GET", "/v1/sandboxes/"+id, "")
			var full struct {
				Status struct{ LastTransitionAt time.Time }
			}
			if err := json.Unmarshal(answer, &full); err != nil {
				t.Fatal(err)
			}
			if late := full.Status.LastTransitionAt.Sub(at); late > time.Second {
				t.Errorf("it shows %s late", late)
			}
		})
	}
	eventually(t, "nothing is left", func() bool { return len(s.containers(t.Context())) == 0 })
}
