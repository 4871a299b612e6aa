package command

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a command ended.
type Exit struct {
	Finished time.Time
	Took     time.Duration // from its start
	state    *os.ProcessState
	ended    string // why the daemon ended it; "": it ended by itself
}

// Code is the exit code, or -1 where a signal or a timeout ended it.
func (e Exit) Code() int {
	if e.ended != "" {
		return -1
	}
	return e.state.ExitCode() // -1 for a signal
}

// Reason says in words what Code can't.
func (e Exit) Reason() string {
	if e.ended != "" {
		return e.ended
	}
	if status, ok := e.state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("it was ended by signal %d (%s)", int(status.Signal()), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("it exited with status %d", e.state.ExitCode())
}
