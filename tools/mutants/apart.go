package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownTemp names, for a process that is kept apart from the machine's files, the directory of its temporary ones.
const ownTemp = "OPENSANDBOX_MUTANTS_TEMP"

// runApart runs this program once more, kept apart from the machine's files, and returns its exit status.
func runApart(ctx context.Context) (int, error) {
	temp, err := os.MkdirTemp("/var/tmp", "mutants-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(temp)
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it takes down what it has started
	cmd.Env = append(os.Environ(), ownTemp+"="+temp)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	err = cmd.Run()
	if ended := new(exec.ExitError); errors.As(err, &ended) {
		return ended.ExitCode(), nil
	}
	return 0, err
}

// keepApart has this process, which has mounts of its own, and its children read the machine's files, and write to no
// others than those below the given directories, and temporary ones: what is broken on purpose may write to anything
// and remove it.
func keepApart(temp string, writable ...string) error {
	checkout, err := os.Getwd()
	if err != nil {
		return err
	}
	shown := []*tree{
		{from: filepath.Join(temp, "tmp"), at: "/tmp", write: true},
		{from: filepath.Join(temp, "var", "tmp"), at: "/var/tmp", write: true},
		{from: checkout, at: checkout},
	}
	for _, own := range shown[:2] {
		if err := errors.Join(os.MkdirAll(own.from, 0o777), os.Chmod(own.from, 0o777|os.ModeSticky)); err != nil {
			return err
		}
	}
	for _, dir := range writable {
		shown = append(shown, &tree{from: dir, at: dir, write: true})
	}
	// The others may be among the machine's temporary files, which go out of sight.
	for _, t := range shown {
		if err := t.open(); err != nil {
			return err
		}
	}
	for _, t := range shown {
		if err := t.show(); err != nil {
			return err
		}
	}
	if err := readOnly("/", true); err != nil {
		return err
	}
	for _, t := range shown {
		if t.write {
			err = errors.Join(err, readOnly(t.at, false))
		}
	}
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		err = errors.Join(err, readOnly(dir, false))
	}
	return errors.Join(err, os.Chdir(checkout))
}

// tree is a directory with what is mounted below it, and where it is seen.
type tree struct {
	from, at string
	write    bool
	fd       int
}

func (t *tree) open() (err error) {
	t.fd, err = unix.OpenTree(unix.AT_FDCWD, t.from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("copy the mount of %s: %w", t.from, err)
	}
	return nil
}

func (t *tree) show() error {
	defer unix.Close(t.fd)
	if err := os.MkdirAll(t.at, 0o755); err != nil {
		return err
	}
	if err := unix.MoveMount(t.fd, "", unix.AT_FDCWD, t.at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", t.at, err)
	}
	return nil
}

func readOnly(dir string, yes bool) error {
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	if yes {
		attr = unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, dir, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("make %s read-only or not: %w", dir, err)
	}
	return nil
}
