package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

var kinds = map[string]int{
	"user": unix.CLONE_NEWUSER, "mnt": unix.CLONE_NEWNS, "pid": unix.CLONE_NEWPID, "net": unix.CLONE_NEWNET,
	"ipc": unix.CLONE_NEWIPC, "uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP, "time": unix.CLONE_NEWTIME,
}

func ofNamespaces() []attempt {
	list := []attempt{
		{"enter the namespaces of another process", func() error {
			return each(processes(), func(dir string) error {
				return each([]string{"mnt", "net", "user", "pid", "ipc", "uts", "cgroup"}, func(kind string) error {
					f, err := os.Open(dir + "/ns/" + kind)
					if err != nil {
						return err
					}
					defer f.Close()
					return unix.Setns(int(f.Fd()), 0)
				})
			})
		}},
		{"enter the namespaces of the first process by its handle", func() error {
			fd, err := unix.PidfdOpen(1, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Setns(fd, unix.CLONE_NEWNS)
		}},
		{"get all capabilities in a user namespace of its own", func() error {
			cmd := exec.Command("/bin/true")
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			}
			return cmd.Run()
		}},
	}
	for kind, flag := range kinds {
		list = append(list, attempt{"unshare " + kind, func() error { return unix.Unshare(flag) }})
	}
	return list
}
