// Package family stops, continues and kills processes that belong together where no namespace and no control group holds
// them: found by who started whom, by user, or by a mark in their environment. While they run they start others, so that
// everything is done in rounds until there is nothing new.
package family

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is one as it was seen.
type Process struct {
	PID    int
	Start  uint64 // proc_pid_stat(5), field 22: with the PID it names no other process
	State  byte   // as in proc_pid_stat(5)
	parent int
}

func (p Process) dead() bool    { return p.State == 'Z' || p.State == 'X' }
func (p Process) stopped() bool { return p.State == 'T' || p.State == 't' || p.dead() }

// Finder looks for processes. sure is false where some ended while it looked, and may have left others behind that were
// not seen. This process is never among them.
type Finder func() (found []Process, sure bool, err error)

// Below finds what a process has started, and what that has started, however deep, but not itself. What lost its parent
// is found only where the process takes such children on (PR_SET_CHILD_SUBREAPER).
func Below(top int) Finder {
	return func() ([]Process, bool, error) {
		all, sure, err := snapshot()
		if err != nil {
			return nil, false, err
		}
		var found []Process
		for _, p := range all {
			for up, steps := p.parent, 0; up > 1 && steps < len(all); up, steps = all[up].parent, steps+1 {
				if up == top {
					found = append(found, p)
					break
				}
			}
		}
		return found, sure, nil
	}
}

// OfUser finds the processes that are a user's in any way.
func OfUser(uid int) Finder {
	return matching(func(dir string) bool {
		status, err := os.ReadFile(dir + "/status")
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(status)) {
			if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
				for id := range strings.FieldsSeq(ids) {
					if id == strconv.Itoa(uid) {
						return true
					}
				}
				return false
			}
		}
		return false
	})
}

// Marked finds the processes that were started with a variable, "NAME=value", in their environment, as far as this
// process may look.
func Marked(variable string) Finder {
	return matching(func(dir string) bool {
		environ, err := os.ReadFile(dir + "/environ")
		return err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+variable+"\x00"))
	})
}

// Arguments finds the processes that were started with these arguments, one after the other.
func Arguments(args ...string) Finder {
	want := []byte("\x00" + strings.Join(args, "\x00") + "\x00")
	return matching(func(dir string) bool {
		cmdline, err := os.ReadFile(dir + "/cmdline")
		return err == nil && bytes.Contains(cmdline, want)
	})
}

// Any finds what one of several finds.
func Any(finders ...Finder) Finder {
	return func() ([]Process, bool, error) {
		seen := map[int]Process{}
		allSure := true
		for _, find := range finders {
			found, sure, err := find()
			if err != nil {
				return nil, false, err
			}
			allSure = allSure && sure
			for _, p := range found {
				seen[p.PID] = p
			}
		}
		var found []Process
		for _, p := range seen {
			found = append(found, p)
		}
		return found, allSure, nil
	}
}

// kernelThreads is the process that the kernel's own threads are below.
const kernelThreads = 2

func matching(match func(dir string) bool) Finder {
	return func() ([]Process, bool, error) {
		all, sure, err := snapshot()
		if err != nil {
			return nil, false, err
		}
		var found []Process
		for _, p := range all {
			if !p.dead() && p.PID != kernelThreads && p.parent != kernelThreads && match("/proc/"+strconv.Itoa(p.PID)) {
				found = append(found, p)
			}
		}
		return found, sure, nil
	}
}

// snapshot reads all processes but this one.
func snapshot() (all map[int]Process, sure bool, err error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, false, err
	}
	all, sure = map[int]Process{}, true
	for _, dir := range dirs {
		p, ok := look(dir)
		if !ok {
			sure = false
			continue
		}
		if p.PID != os.Getpid() {
			all[p.PID] = p
		}
	}
	return all, sure, nil
}

// look reads one process; it may have ended.
func look(dir string) (Process, bool) {
	pid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil {
		return Process{}, false
	}
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Process{}, false
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the state, the third field, on: the name may hold anything
	if len(f) < 20 {
		return Process{}, false
	}
	p := Process{PID: pid, State: f[0][0]}
	p.parent, _ = strconv.Atoi(f[1])
	p.Start, err = strconv.ParseUint(f[19], 10, 64)
	return p, err == nil
}
