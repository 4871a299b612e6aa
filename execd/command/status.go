package command

import (
	"context"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/output"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
)

const (
	// DefaultKeep is of how many commands that have ended the state is kept.
	DefaultKeep = 1000
	// keepBytes bounds what their command lines take in memory.
	keepBytes = 8 << 20
)

// Status is how a command is doing.
type Status struct {
	ID      string
	Command string
	Started time.Time
	Exit    *Exit // nil: it runs
}

// Status tells how a command is doing. One that it calls ended has all of its output kept.
func (m *Manager) Status(ctx context.Context, id string) (Status, error) {
	c, err := m.find(id)
	if err != nil {
		return Status{}, err
	}
	return c.status(ctx), nil
}

// Output tells how a command is doing and what it has written so far.
func (m *Manager) Output(ctx context.Context, id string) (Status, *transcript.View, error) {
	c, err := m.find(id)
	if err != nil {
		return Status{}, nil, err
	}
	status := c.status(ctx) // first: what an ended command wrote is then complete
	view, err := c.written.View()
	if err != nil {
		return Status{}, nil, fault.Errorf(fault.Missing, "the output of command %q is not kept any more, as newer ones needed the room; its status is: GET /command/status/%s", id, id)
	}
	return status, view, nil
}

func (m *Manager) find(id string) (*Command, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.known[id]; ok {
		return c, nil
	}
	return nil, fault.Errorf(fault.Missing, "there is no command %q, or it ended too long ago: ask with the text of its init event", id)
}

func (c *Command) status(ctx context.Context) Status {
	s := Status{ID: c.ID, Command: c.spec.Command, Started: c.Started}
	select {
	case <-c.exited:
	default:
		return s
	}
	s.Exit = &c.exit
	select {
	case <-c.drained:
		return s
	default:
	}
	wait := time.NewTimer(time.Until(c.exit.Finished.Add(2 * output.Grace)))
	defer wait.Stop()
	select {
	case <-c.drained:
	case <-wait.C: // a client that reads slowly holds the output up
	case <-ctx.Done():
	}
	return s
}

// history is the commands that have ended, oldest first.
type history struct {
	keep     int
	commands []*Command
	bytes    int // of their command lines
}

// retire counts a command among those that have ended, and forgets the oldest where there are too many.
func (m *Manager) retire(c *Command) {
	c.cmd, c.spec.Env = nil, nil // what an answer does not need
	m.mu.Lock()
	h := &m.ended
	h.commands = append(h.commands, c)
	h.bytes += len(c.spec.Command)
	var forgotten []*Command
	for len(h.commands) > h.keep || h.bytes > keepBytes && len(h.commands) > 1 {
		oldest := h.commands[0]
		h.commands = h.commands[1:]
		h.bytes -= len(oldest.spec.Command)
		delete(m.known, oldest.ID)
		forgotten = append(forgotten, oldest)
	}
	m.mu.Unlock()
	for _, f := range forgotten {
		f.written.Drop()
	}
}
