package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func ofFiles() []attempt {
	return []attempt{
		{"read the server's state", func() error { return read(os.Getenv("ESCAPE_SECRET")) }},
		{"read it by another process's root", func() error { return byProcess("root") }},
		{"read it by another process's directory", func() error { return byProcess("cwd") }},
		{"read it by a descriptor that was left open", leaked},
		{"read it by a file handle", handle},
		{"read it from the disk", disk},
		{"open a device of the machine", func() error {
			return each([]string{"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop-control", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/vsock", "/dev/mapper/control"}, open(os.O_RDWR))
		}},
		{"open a terminal of the machine", func() error {
			lines, _ := filepath.Glob("/dev/pts/[0-9]*") // a pattern that is right
			return each(append(lines, given("ESCAPE_TERMINAL", ":")...), open(os.O_RDWR|unix.O_NOCTTY))
		}},
		{"write to execd's binary", func() error {
			return each(binaries(), func(path string) error {
				err := open(os.O_WRONLY)(path)
				var on unix.Statfs_t
				if errors.Is(err, unix.ETXTBSY) && unix.Statfs(path, &on) == nil && on.Flags&unix.ST_RDONLY == 0 {
					return nil // it would be let, once nothing runs it
				}
				return err
			})
		}},
		{"change execd's binary", func() error {
			return each(binaries(), func(path string) error { return os.Chmod(path, 0o777) })
		}},
		{"remove execd's binary", func() error {
			return each(binaries(), func(path string) error {
				if strings.HasPrefix(path, "/proc/") {
					return errNothing
				}
				return os.Remove(path)
			})
		}},
	}
}

func read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.Read(make([]byte, 64))
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return errNothing
	}
	return err
}

func open(flags int) func(path string) error {
	return func(path string) error {
		f, err := os.OpenFile(path, flags, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
}

// processes lists all that show but this one.
func processes() []string {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // a pattern that is right
	own := "/proc/" + strconv.Itoa(os.Getpid())
	var others []string
	for _, dir := range dirs {
		if dir != own {
			others = append(others, dir)
		}
	}
	return others
}

func byProcess(link string) error {
	return each(processes(), func(dir string) error {
		secret := os.Getenv("ESCAPE_SECRET")
		if link == "root" {
			return read(filepath.Join(dir, link) + secret)
		}
		return read(filepath.Join(dir, link) + strings.Repeat("/..", 12) + secret)
	})
}

// leaked looks for open files that lead out: a directory is a way to everything above it.
func leaked() error {
	return each(append(processes(), "/proc/self"), func(dir string) error {
		entries, err := os.ReadDir(dir + "/fd")
		if err != nil {
			return err
		}
		return each(entries, func(e fs.DirEntry) error {
			path := dir + "/fd/" + e.Name()
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				return errors.Join(errNothing, err)
			}
			return read(path + strings.Repeat("/..", 12) + os.Getenv("ESCAPE_SECRET"))
		})
	})
}

// handle opens a file by its handle, which needs no path to it: any other of the file system can be had in this way.
func handle() error {
	return each([]string{"/tmp", ".", "/root", "/opt/opensandbox/execd", "/etc/passwd"}, func(path string) error {
		h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
		if err != nil {
			return err
		}
		at, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		defer unix.Close(at)
		fd, err := unix.OpenByHandleAt(at, h, unix.O_RDONLY)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	})
}

// disk makes a node of the machine's disk and reads it.
func disk() error {
	major, minor := uint32(254), uint32(0)
	_, _ = fmt.Sscanf(os.Getenv("ESCAPE_DEVICE"), "%d:%d", &major, &minor) // else as good a guess as any
	return each([]string{".", "/tmp", "/dev", "/dev/shm", "/run", "/root", "/var/tmp"}, func(dir string) error {
		path := filepath.Join(dir, "escape-disk")
		if err := unix.Mknod(path, unix.S_IFBLK|0o600, int(unix.Mkdev(major, minor))); err != nil {
			return err
		}
		defer os.Remove(path)
		return read(path)
	})
}

// binaries are the paths of execd's.
func binaries() []string {
	found := append(given("ESCAPE_EXECD", ":"), "/opt/opensandbox/execd")
	for _, dir := range processes() {
		if target, err := os.Readlink(dir + "/exe"); err == nil && filepath.Base(target) == "execd" {
			found = append(found, dir+"/exe", target)
		}
	}
	return found
}
