package stage

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Stage is a process that has become its sandbox, before any program in it runs.
type Stage struct {
	*Config
	Execd, Ports, Control *os.File // the sockets that the server handed down
	status                *os.File
}

// Enter makes this process, started by the server in new namespaces, the first
// of its sandbox. Its goroutine stays on its thread.
func Enter() (*Stage, error) {
	runtime.LockOSThread()
	s := &Stage{status: os.NewFile(FDStatus, "status")}
	record, err := Of(0)
	if err != nil {
		return s, fmt.Errorf("look up the process: %w", err)
	}
	if err := record.write(); err != nil {
		return s, fmt.Errorf("write which process this is: %w", err)
	}
	if s.Config, err = receive(); err != nil {
		return s, err
	}
	if err := os.WriteFile(FileBegun, nil, 0o600); err != nil {
		return s, err
	}
	s.Execd, s.Ports, s.Control = os.NewFile(FDExecd, FileExecd), os.NewFile(FDPorts, FilePorts), os.NewFile(FDControl, FileControl)
	if err := s.isolate(); err != nil {
		return s, err
	}
	if s.WorkDir != "" {
		if err := unix.Chdir(s.WorkDir); err != nil {
			return s, fmt.Errorf("enter %s: %w", s.WorkDir, err)
		}
	}
	for _, l := range s.Rlimits {
		var is unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &is); err != nil {
			return s, fmt.Errorf("look up limit %d: %w", l.Resource, err)
		}
		l.Value = min(l.Value, is.Max) // more than the server has is not to be had
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: l.Value, Max: l.Value}); err != nil {
			return s, fmt.Errorf("set limit %d: %w", l.Resource, err)
		}
	}
	return s, nil
}

func (s *Stage) isolate() error {
	unix.Umask(0)
	defer unix.Umask(0o022)
	if s.Network {
		if err := loopback(s.Config); err != nil {
			return err
		}
	}
	if s.Hostname != "" {
		if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
			return fmt.Errorf("set the host name: %w", err)
		}
	}
	if len(s.Mounts) == 0 {
		return nil
	}
	// The server has put this process into its cgroups: they become the root of what it sees of them.
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make a namespace of cgroups: %w", err)
	}
	v, err := makeView(s.Config)
	if err != nil {
		return err
	}
	if s.Shift != nil {
		unix.Close(FDUserNS)
	}
	return v.enter()
}

// Fail tells the server what went wrong.
func (s *Stage) Fail(err error) {
	fmt.Fprint(s.status, err.Error())
	s.status.Close()
}

// Done tells the server that all went well; an exec does so too.
func (s *Stage) Done() { s.status.Close() }
