package session

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// killAfter is how long processes have between SIGTERM and SIGKILL.
	killAfter = 3 * time.Second
	// look is how often it is looked whether processes that are no children of the daemon have ended.
	look = 20 * time.Millisecond
)

// task is a process as the kernel shows it.
type task struct {
	pid, sid int
	parent   int
	started  uint64 // clock ticks since boot
}

// tasks are the living processes of the sessions (setsid) of shells.
func tasks(shells []*process) []task {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []task
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if t, ok := readTask(pid); ok && slices.ContainsFunc(shells, func(p *process) bool { return p.sid == t.sid }) {
			found = append(found, t)
		}
	}
	return found
}

// readTask reads one process; a zombie is none.
func readTask(pid int) (task, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return task{}, false
	}
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	f := strings.Fields(rest) // from the state, the third field of proc_pid_stat(5), on
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return task{}, false
	}
	parent, _ := strconv.Atoi(f[1])
	sid, _ := strconv.Atoi(f[3])
	started, _ := strconv.ParseUint(f[19], 10, 64)
	return task{pid, sid, parent, started}, true
}

// older tells whether a process was there before another one.
func (t task) older(than task) bool {
	return t.started < than.started || t.started == than.started && t.pid < than.pid
}

// endAll ends the processes of shells that choose chooses (nil: all), SIGTERM first, and waits for that.
func endAll(shells []*process, choose func([]task) []task) {
	left := func() []task {
		found := tasks(shells)
		if choose != nil {
			found = choose(found)
		}
		return found
	}
	signal := syscall.SIGTERM
	tick := time.NewTicker(look)
	defer tick.Stop()
	kill := time.Now().Add(killAfter)
	told := map[int]bool{}
	for {
		running := left()
		if len(running) == 0 || time.Since(kill) > killAfter { // what SIGKILL does not end, nothing does
			return
		}
		if signal == syscall.SIGTERM && time.Now().After(kill) {
			signal = syscall.SIGKILL
			clear(told)
		}
		for _, t := range running {
			if !told[t.pid] {
				told[t.pid] = true
				_ = syscall.Kill(t.pid, signal) // it may have ended
			}
		}
		<-tick.C
	}
}
