package docker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Watch follows the engine's events. Whenever it connects, it also looks at
// what happened while it did not.
func (d *Docker) Watch(ctx context.Context, report func(runtime.Exit)) error {
	var stocking sync.WaitGroup
	stocking.Go(func() { d.stock(ctx) })
	defer stocking.Wait()
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 100*time.Millisecond, time.Second
	for {
		connected := time.Now()
		err := d.follow(ctx, report)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(connected) > 5*time.Second {
			b.Reset()
		}
		wait := b.NextBackOff()
		d.log.Warn("lost the engine's events, and will connect again", "in", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow reads events until the connection breaks.
func (d *Docker) follow(ctx context.Context, report func(runtime.Exit)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wanted := d.own()
	wanted.Add("type", string(events.ContainerEventType))
	for _, action := range []events.Action{events.ActionCreate, events.ActionDie, events.ActionDestroy} {
		wanted.Add("event", string(action))
	}
	messages, broken := d.engine.Events(ctx, events.ListOptions{
		Filters: wanted,
		// What an engine still did for a server that was killed comes late.
		Since: strconv.FormatInt(time.Now().Add(-lookBack).Unix(), 10),
	})
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() {
		if err := d.missed(ctx, report); err != nil && ctx.Err() == nil {
			d.log.Warn("could not look for containers that ended", "error", err)
			cancel()
		}
	})
	slots := make(chan struct{}, 8)
	for {
		select {
		case err := <-broken:
			return err
		case e := <-messages:
			slots <- struct{}{}
			looking.Go(func() {
				defer func() { <-slots }()
				d.handle(ctx, e, report)
			})
		}
	}
}

// lookBack is how much of the past is read on connecting. Seeing an event twice
// does no harm.
const lookBack = 15 * time.Second

func (d *Docker) handle(ctx context.Context, e events.Message, report func(runtime.Exit)) {
	id := sandboxID(e.Actor.Attributes, e.Actor.Attributes["name"])
	if e.Action == events.ActionDie && d.isSpare(id) {
		d.dropSpares(ctx, func(s *spare) bool { return s.id == id })
		return
	}
	if e.Action != events.ActionCreate {
		if d.knows(id) { // else made or removed by ourselves at this moment
			d.reportEnd(ctx, id, e, report)
		}
		return
	}
	d.removeStray(ctx, id, e.Actor.ID)
}

// removeStray removes a container that nobody here asked for, or that somebody
// gave up who could not remove it then.
func (d *Docker) removeStray(ctx context.Context, id, containerID string) {
	release, stray := d.claimStray(id)
	if !stray {
		return
	}
	defer release()
	if strings.HasPrefix(id, sparePrefix) {
		// It may have become a sandbox since.
		now, err := d.engine.ContainerInspect(ctx, containerID)
		if err != nil || sandboxID(now.Config.Labels, now.Name) != id {
			return
		}
	}
	// By the container's own id: one made anew may have the name by now.
	err := d.engine.ContainerRemove(ctx, containerID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil {
		d.log.Warn("removed a container that nobody asked for any more", "sandbox", id)
	}
}

func (d *Docker) reportEnd(ctx context.Context, id string, e events.Message, report func(runtime.Exit)) {
	now, err := d.engine.ContainerInspect(ctx, containerName(id))
	if err == nil && now.ID != e.Actor.ID {
		return // it is about one that was made anew since
	}
	if e.Action == events.ActionDestroy {
		report(runtime.Exit{ID: id, Removed: true})
		return
	}
	if err != nil {
		// It can't be asked any more: the event's own word will do.
		code, parseErr := strconv.Atoi(e.Actor.Attributes["exitCode"])
		report(runtime.Exit{ID: id, ExitCode: code, Removed: parseErr != nil})
		return
	}
	if !now.State.Running {
		report(d.exitOf(ctx, id, now.State))
	}
}

// missed makes up for the events of a time when nobody watched: it reports the
// known sandboxes that ended, and removes the containers that nobody knows.
func (d *Docker) missed(ctx context.Context, report func(runtime.Exit)) error {
	d.mu.Lock()
	before := slices.Collect(maps.Keys(d.known))
	d.mu.Unlock()
	spares := d.spares()
	found, err := d.containers(ctx)
	if err != nil {
		return err
	}
	d.dropSpares(ctx, func(s *spare) bool {
		return spares[s.id] && !slices.ContainsFunc(found, func(c container.Summary) bool {
			return c.ID == s.container && c.State == container.StateRunning
		})
	})
	instances, err := d.instances(ctx, found)
	if err != nil {
		return err
	}
	there := make(map[string]runtime.Instance, len(instances))
	for _, instance := range instances {
		there[instance.ID] = instance
	}
	for _, id := range before {
		instance, ok := there[id]
		switch {
		case !d.knows(id):
		case instance.Exit != nil:
			report(*instance.Exit)
		case !ok, !instance.Running: // gone, or on its way out
			report(runtime.Exit{ID: id, Removed: true})
		}
	}
	for i := range found {
		d.removeStray(ctx, summaryID(&found[i]), found[i].ID)
	}
	return nil
}

// exitOf describes how a container ended. One that is being removed was killed
// for that: the status is not its own.
func (d *Docker) exitOf(ctx context.Context, id string, state *container.State) runtime.Exit {
	if state.Status == container.StateRemoving || state.Status == container.StateDead {
		return runtime.Exit{ID: id, Removed: true}
	}
	exit := runtime.Exit{ID: id, ExitCode: state.ExitCode, OOMKilled: state.OOMKilled, Message: d.lastWords(ctx, id, state.ExitCode != 0)}
	if unused(exit) { // it never was what it has the name of
		return runtime.Exit{ID: id, Removed: true}
	}
	return exit
}

// wordsLate is how long after the end of a container the engine may still be
// writing down what it said.
const wordsLate = 300 * time.Millisecond

// lastWords returns the last line that the entry process wrote to its standard
// error, or "". A busy engine has been seen to have nothing yet, and tells
// nobody when it has: where words are likely it is asked again.
func (d *Docker) lastWords(ctx context.Context, id string, likely bool) string {
	if !likely {
		return d.wordsNow(ctx, id)
	}
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 20 * time.Millisecond
	words, err := backoff.Retry(ctx, func() (string, error) {
		if words := d.wordsNow(ctx, id); words != "" {
			return words, nil
		}
		return "", errors.New("no words")
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(wordsLate))
	if err != nil {
		return ""
	}
	return words
}

func (d *Docker) wordsNow(ctx context.Context, id string) string {
	logs, err := d.engine.ContainerLogs(ctx, containerName(id), container.LogsOptions{ShowStderr: true, Tail: "20"})
	if err != nil {
		return ""
	}
	defer logs.Close()
	var text strings.Builder
	if _, err := stdcopy.StdCopy(&text, &text, logs); err != nil {
		return ""
	}
	last := ""
	for line := range strings.Lines(text.String()) {
		if strings.TrimSpace(line) != "" && !isOwnLog(line) {
			last = line
		}
	}
	return brief(last)
}

// isOwnLog recognises the log of execd, which is in the same stream, by the
// form of log/slog.
func isOwnLog(line string) bool {
	return strings.HasPrefix(line, "time=") && strings.Contains(line, " level=")
}
