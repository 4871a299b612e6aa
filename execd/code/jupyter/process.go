package jupyter

import (
	"crypto/rand"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long output is waited for after the kernel's end, when a process outside of its group still holds a pipe.
const grace = 250 * time.Millisecond

// process is the kernel's process, the leader of a session and a process group of its own.
type process struct {
	stdout, stderr *pipe
	exited         chan struct{} // closed when the process has ended, and those that it started were killed

	cmd  *exec.Cmd
	mark string // the variable that its processes have

	mu     sync.Mutex
	reaped bool // its id, and its group's, may be another's
}

// startProcess starts argv; the caller must wait for finished.
func startProcess(program string, argv, env []string, dir string) (*process, error) {
	mark := marker + "=" + rand.Text()
	env = append(env[:len(env):len(env)], mark)
	p := &process{exited: make(chan struct{}), mark: mark, cmd: &exec.Cmd{Path: program, Args: argv, Env: env, Dir: dir}}
	// It must not outlive a daemon that is killed: code in a loop would go on for ever.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	var childEnds []*os.File
	defer func() {
		for _, f := range childEnds {
			f.Close()
		}
	}()
	for _, end := range []struct {
		ours   **pipe
		theirs func(*os.File)
	}{
		{&p.stdout, func(f *os.File) { p.cmd.Stdout = f }},
		{&p.stderr, func(f *os.File) { p.cmd.Stderr = f }},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			p.closePipes()
			return nil, err
		}
		*end.ours = &pipe{f: r, ended: make(chan struct{})}
		end.theirs(w)
		childEnds = append(childEnds, w)
	}
	if err := p.cmd.Start(); err != nil {
		p.closePipes()
		return nil, err
	}
	go p.stdout.pump()
	go p.stderr.pump()
	go p.wait()
	return p, nil
}

func (p *process) closePipes() {
	for _, pipe := range []*pipe{p.stdout, p.stderr} {
		if pipe != nil {
			pipe.f.Close()
		}
	}
}

// wait kills what the process left behind, and reaps it only then: until that its group's id is nobody else's.
func (p *process) wait() {
	for {
		if err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != unix.EINTR {
			break
		}
	}
	p.signal(syscall.SIGKILL)
	sweep(p.mark)
	p.mu.Lock()
	p.reaped = true
	_ = p.cmd.Wait() // the state says it all
	p.mu.Unlock()
	close(p.exited)
}

// signal reaches the whole group.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// finished waits until the process has ended and its output was read.
func (p *process) finished() {
	<-p.exited
	until := time.Now().Add(grace)
	for _, pipe := range []*pipe{p.stdout, p.stderr} {
		_ = pipe.f.SetReadDeadline(until)
		<-pipe.ended
	}
	p.closePipes()
}
