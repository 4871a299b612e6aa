package session

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/shell"
)

// process is a shell that the daemon started, with the copies that took over from it.
type process struct {
	sid    int // its process id, and so the id of its session (setsid)
	pipes  pipes
	events chan event
	done   chan struct{} // closed when nobody takes events any more
	work   sync.WaitGroup

	generation int // the number of the run whose copy is the shell now; 0: the first
	shell      int // process id of that; 0: not known
	runs       int
}

// event is what a shell says; see script.
type event struct {
	what  string
	which int // generation or run
	value int // status or process id
}

// pipes are the daemon's ends of what it talks to a shell over.
type pipes struct{ lines, events, wake *os.File }

func (p pipes) close() {
	for _, f := range []*os.File{p.lines, p.events, p.wake} {
		if f != nil {
			f.Close()
		}
	}
}

func newPipes() (daemon, shell pipes, err error) {
	for _, pipe := range []struct{ r, w **os.File }{
		{&shell.lines, &daemon.lines}, {&daemon.events, &shell.events}, {&shell.wake, &daemon.wake},
	} {
		if *pipe.r, *pipe.w, err = os.Pipe(); err != nil {
			daemon.close()
			shell.close()
			return pipes{}, pipes{}, fault.Errorf(fault.Unavailable, "no pipe can be made now: %w", err)
		}
	}
	return daemon, shell, nil
}

// start starts a fresh shell. The caller holds the turn, or nobody knows the session yet.
func (s *session) start() error {
	program, err := shell.Find(s.m.env)
	if err != nil {
		return err
	}
	ours, theirs, err := newPipes()
	if err != nil {
		return err
	}
	defer theirs.close()
	cmd := exec.Command(program, "-c", script, filepath.Base(program))
	cmd.Args[0] = filepath.Base(program)
	cmd.Dir, cmd.Env = s.dir, s.m.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.ExtraFiles = make([]*os.File, fdWake-2)
	cmd.ExtraFiles[fdLines-3], cmd.ExtraFiles[fdEvents-3], cmd.ExtraFiles[fdWake-3] = theirs.lines, theirs.events, theirs.wake
	if err := cmd.Start(); err != nil {
		ours.close()
		return shell.StartError(s.dir, err)
	}
	pid := cmd.Process.Pid
	shell.Expendable(pid)
	p := &process{sid: pid, shell: pid, pipes: ours, events: make(chan event), done: make(chan struct{})}
	p.work.Go(p.listen)
	p.work.Go(func() {
		_ = cmd.Wait() // the state says it all
		p.tell(event{"exit", 0, cmd.ProcessState.ExitCode()})
	})
	s.shell = p
	return nil
}

func (p *process) listen() {
	in := bufio.NewScanner(p.pipes.events)
	for in.Scan() {
		var e event
		if _, err := fmt.Sscan(in.Text(), &e.what, &e.which, &e.value); err == nil {
			p.tell(e)
		}
	}
	p.tell(event{what: "gone"}) // no shell is left
}

func (p *process) tell(e event) {
	select {
	case p.events <- e:
	case <-p.done:
	}
}

// hangUp makes the shell end when it has nothing to do, and listens no more.
func (p *process) hangUp() {
	select {
	case <-p.done:
	default:
		close(p.done)
		p.pipes.close()
	}
}
