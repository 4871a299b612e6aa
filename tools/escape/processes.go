package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// outside finds the process that the mark is of, and does something to it.
func outside(do func(pid int) error) error {
	mark := os.Getenv("ESCAPE_MARK")
	if mark == "" {
		return errNothing
	}
	for _, dir := range processes() {
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err != nil || !bytes.Contains(cmdline, []byte(mark)) {
			continue
		}
		environ, err := os.ReadFile(dir + "/environ")
		if err == nil && bytes.Contains(environ, []byte("ESCAPE_MARK=")) { // one of ours, that names it
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return err
		}
		return do(pid)
	}
	return errors.New("it does not show")
}

func ofProcesses() []attempt {
	return []attempt{
		{"see the machine's processes", func() error { return outside(func(int) error { return nil }) }},
		{"signal a process of the machine", func() error { return outside(func(pid int) error { return unix.Kill(pid, unix.SIGCONT) }) }},
		{"trace a process of the machine", func() error {
			return outside(func(pid int) error {
				if err := unix.PtraceSeize(pid); err != nil {
					return err
				}
				return unix.PtraceDetach(pid)
			})
		}},
		{"read the memory of a process of the machine", func() error {
			return outside(func(pid int) error { return open(os.O_RDONLY)("/proc/" + strconv.Itoa(pid) + "/mem") })
		}},
		{"read the environment of a process of the machine", func() error {
			return outside(func(pid int) error { return read("/proc/" + strconv.Itoa(pid) + "/environ") })
		}},
		{"take a descriptor of a process of the machine", func() error {
			return outside(func(pid int) error {
				fd, err := unix.PidfdOpen(pid, 0)
				if err != nil {
					return err
				}
				defer unix.Close(fd)
				taken, err := unix.PidfdGetfd(fd, 0, 0)
				if err != nil {
					return err
				}
				return unix.Close(taken)
			})
		}},
		{"change the limits of a process of the machine", func() error {
			return outside(func(pid int) error {
				var is unix.Rlimit
				if err := unix.Prlimit(pid, unix.RLIMIT_CORE, nil, &is); err != nil {
					return err
				}
				return unix.Prlimit(pid, unix.RLIMIT_CORE, &is, nil)
			})
		}},
		{"change the priority of a process of the machine", func() error {
			return outside(func(pid int) error {
				return oneOf(
					func() error { return unix.Setpriority(unix.PRIO_PROCESS, pid, 19) },
					func() error { return unix.Setpriority(unix.PRIO_USER, 0, 19) },
					func() error { return unix.SchedSetaffinity(pid, &unix.CPUSet{1}) },
				)
			})
		}},
		{"write to the terminal that started it", func() error {
			f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
			if err != nil {
				return err
			}
			return f.Close()
		}},
	}
}
