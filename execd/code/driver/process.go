package driver

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// leftover is how long the control socket of a process that has ended is waited for, when something that it left
// behind still holds it.
const leftover = 250 * time.Millisecond

// process is an interpreter with a driver in it, in a session of its own.
type process struct {
	cmd    *exec.Cmd
	socket *os.File // our end
	in     *bufio.Reader
	out    *outputs
	exited chan struct{} // closed when how is set
	how    string        // it ended, in words
}

// spawn starts a process. Where that fails for want of something, the error is a fault.Error.
func spawn(program string, args, env []string) (*process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "no socket can be made now: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	_ = unix.SetNonblock(pair[0], true) // so that it takes deadlines; it can't fail for a socket
	p := &process{socket: os.NewFile(uintptr(pair[0]), "control"), exited: make(chan struct{})}
	p.in = bufio.NewReader(p.socket)
	if p.out, err = newOutputs(); err != nil {
		p.socket.Close()
		return nil, err
	}
	stdout, stderr := p.out.pipes[0].Child(), p.out.pipes[1].Child()
	defer stdout.Close()
	defer stderr.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Args[0] = filepath.Base(program)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	p.cmd.ExtraFiles = []*os.File{theirs} // control
	// It must not outlive a daemon that is killed: code in a loop would go on for ever.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.socket.Close()
		p.out.close()
		return nil, startError(program, err)
	}
	go p.out.run()
	go p.wait()
	return p, nil
}

// wait waits for the end of the process and takes what it started with it.
func (p *process) wait() {
	for unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = p.signal(syscall.SIGKILL) // the group keeps its number until the process is reaped
	_ = p.cmd.Wait()
	p.how = describe(p.cmd.ProcessState)
	_ = p.socket.SetReadDeadline(time.Now().Add(leftover))
	close(p.exited)
}

// signal reaches the whole process group.
func (p *process) signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// end kills what is left and waits until nothing of it runs here.
func (p *process) end() {
	select {
	case <-p.exited: // the number may be another's by now
	default:
		_ = p.cmd.Process.Kill() // os.Process knows whether it has been reaped
	}
	<-p.exited
	p.socket.Close()
	p.out.order.Close()
	<-p.out.gone
}

func describe(state *os.ProcessState) string {
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && status.Signal() == syscall.SIGKILL:
		return "it was ended by signal 9 (SIGKILL), as happens when there is no memory left"
	case ok && status.Signaled():
		return fmt.Sprintf("it was ended by signal %d (%s)", int(status.Signal()), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("it exited with status %d", state.ExitCode())
}

func startError(program string, err error) error {
	for _, full := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, full) {
			return fault.Errorf(fault.Unavailable, "no more processes can be started now: %w", err)
		}
	}
	return fault.Errorf(fault.Invalid, "%s of this image can't be started: %w", program, err)
}
