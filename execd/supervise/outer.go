package supervise

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// Outer is PID 1 of a sandbox whose ids are shifted. It stays outside of the user namespace that all else in the
// sandbox is in, where nothing of the sandbox can get at it, and starts the supervisor inside.
type Outer struct {
	Log     *slog.Logger
	Program string // this program, as it is inside
	Args    []string
	Env     []string
	Files   []*os.File // descriptors 3, 4, … of the supervisor
	Shift   stage.Shift
	Control *os.File // see Config
}

// Start starts the supervisor in a user namespace of its own.
func (o *Outer) Start() (pid int, err error) {
	shift := []syscall.SysProcIDMap{{ContainerID: 0, HostID: o.Shift.Base, Size: o.Shift.Size}}
	files := []uintptr{0, 1, 2}
	for _, f := range o.Files {
		files = append(files, f.Fd())
	}
	return syscall.ForkExec(o.Program, o.Args, &syscall.ProcAttr{
		Env: o.Env, Files: files,
		Sys: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: shift, GidMappings: shift, GidMappingsEnableSetgroups: true,
			Credential: &syscall.Credential{Uid: 0, Gid: 0}, Setsid: true,
		},
	})
}

// Wait reaps until the supervisor has ended, and gives the exit status for this process.
func (o *Outer) Wait(pid int, signals <-chan os.Signal) int {
	s := &supervisor{Config: Config{Log: o.Log}, entrypoint: pid}
	go s.passOn(signals) // until this process ends
	if err := obey(o.Control); err != nil {
		o.Log.Error("the server can't pause what runs here", "error", err)
	}
	return s.reap()
}

// Signals is what a PID 1 has to listen to before it starts anything: a signal that has no handler yet is lost.
func Signals() <-chan os.Signal {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	return signals
}
