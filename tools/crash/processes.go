package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// processes is the engine of the runtime process: what it has is seen in the
// server's state, in control groups and in /proc.
type processes struct{ server *server }

func (e *processes) sandboxes() string { return filepath.Join(e.server.dir, "state", "sandboxes") }

func (e *processes) instances(context.Context) (map[string][]instance, error) {
	all := map[string][]instance{}
	ids, err := os.ReadDir(e.sandboxes())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, id := range ids {
		all[id.Name()] = append(all[id.Name()], e.instance(id.Name()))
	}
	for _, path := range e.rest() {
		all[""] = append(all[""], instance{name: path, state: "left"})
	}
	return all, nil
}

func (e *processes) instance(id string) instance {
	found := instance{name: id, state: "gone"}
	record, err := stage.ReadRecord(filepath.Join(e.sandboxes(), id))
	if err != nil {
		return found
	}
	found.id = fmt.Sprintf("%d since %d", record.PID, record.Start)
	state, start, err := stage.Stat(record.PID)
	if err != nil || start != record.Start || state == 'Z' {
		return found
	}
	found.state = "paused"
	if moves(record.PID) {
		found.state = "running"
	}
	return found
}

// moves tells whether a process below one is neither frozen nor stopped.
func moves(top int) bool {
	var children []byte
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", top)) // any of its threads may have started one
	for _, task := range tasks {
		b, _ := os.ReadFile(task) // the thread may have ended
		children = append(children, b...)
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			continue
		}
		if state, _, err := stage.Stat(pid); err == nil && (state == 'R' || state == 'S') || moves(pid) {
			return true
		}
	}
	return false
}

// rest is what is left of sandboxes that have no directory any more.
func (e *processes) rest() []string {
	own, err := e.server.instance()
	if err != nil {
		return nil // it has not begun
	}
	left, _ := filepath.Glob(filepath.Join(e.server.dir, "state", "gone", "*"))
	for _, depth := range []string{"*", "*/*", "*/*/*"} {
		groups, _ := filepath.Glob("/sys/fs/cgroup/" + depth + "/opensandbox-" + own + ".*")
		for _, g := range groups {
			_, id, _ := strings.Cut(filepath.Base(g), own+".")
			if _, err := os.Stat(filepath.Join(e.sandboxes(), id)); err != nil {
				left = append(left, g)
			}
		}
	}
	return left
}

// clear kills what is left; its directories go with the server's.
func (e *processes) clear(context.Context) {
	ids, _ := os.ReadDir(e.sandboxes())
	for _, id := range ids {
		record, err := stage.ReadRecord(filepath.Join(e.sandboxes(), id.Name()))
		if err != nil {
			continue
		}
		if _, start, err := stage.Stat(record.PID); err == nil && start == record.Start {
			_ = unix.Kill(record.PID, unix.SIGKILL)
		}
	}
}
