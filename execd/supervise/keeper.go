package supervise

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/family"
)

// Keeper is the first process of a sandbox that is in no namespace. It stays outside of what the sandbox's processes are
// confined to, takes on those that lose their parent, so that all are below it, and leaves none behind.
type Keeper struct {
	Log     *slog.Logger
	Program string // this program, as the sandbox may run it
	Args    []string
	Env     []string
	Files   []*os.File // descriptors 3, 4, … of the supervisor
	UID     int        // the user of the sandbox; 0: that of this process
}

// killTime bounds how long the end of a sandbox may take.
const killTime = 10 * time.Second

// Start starts the supervisor, which confines itself.
func (k *Keeper) Start() (pid int, err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	files := []uintptr{0, 1, 2}
	for _, f := range k.Files {
		files = append(files, f.Fd())
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if k.UID != 0 {
		sys.Credential = &syscall.Credential{Uid: uint32(k.UID), Gid: uint32(k.UID)} // and no other groups
	}
	return syscall.ForkExec(k.Program, k.Args, &syscall.ProcAttr{Env: k.Env, Files: files, Sys: sys})
}

// Wait reaps until the supervisor has ended, kills what is left, and gives the exit status for this process.
func (k *Keeper) Wait(pid int, signals <-chan os.Signal) int {
	s := &supervisor{Config: Config{Log: k.Log}, entrypoint: pid}
	go s.passOn(signals) // until this process ends
	status := s.reap()
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	_ = family.Kill(ctx, family.Below(os.Getpid())) // the server looks as well
	return status
}
