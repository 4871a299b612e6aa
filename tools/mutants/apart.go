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
	// They may be among the machine's temporary files, which are out of sight soon.
	kept := []*mounted{{path: checkout}}
	for _, dir := range writable {
		kept = append(kept, &mounted{path: dir, write: true})
	}
	for _, m := range kept {
		if err := m.open(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/tmp", "/var/tmp"} {
		own := filepath.Join(temp, dir)
		if err := errors.Join(os.MkdirAll(own, 0o777), os.Chmod(own, 0o777|os.ModeSticky)); err != nil {
			return err
		}
		m := mounted{path: own, write: true}
		if err := m.open(); err != nil {
			return err
		}
		m.path = dir
		kept = append(kept, &m)
	}
	// Those of the temporary directories come first.
	for i := range kept {
		if err := kept[(i+len(kept)-2)%len(kept)].show(); err != nil {
			return err
		}
	}
	if err := readOnly("/", true); err != nil {
		return err
	}
	for _, m := range kept {
		if m.write {
			err = errors.Join(err, readOnly(m.path, false))
		}
	}
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		err = errors.Join(err, readOnly(dir, false))
	}
	return errors.Join(err, os.Chdir(checkout))
}

// mounted is a directory that is seen in its place again.
type mounted struct {
	path  string
	write bool
	tree  int
}

func (m *mounted) open() (err error) {
	m.tree, err = unix.OpenTree(unix.AT_FDCWD, m.path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("copy the mount of %s: %w", m.path, err)
	}
	return nil
}

func (m *mounted) show() error {
	defer unix.Close(m.tree)
	if err := os.MkdirAll(m.path, 0o755); err != nil {
		return err
	}
	if err := unix.MoveMount(m.tree, "", unix.AT_FDCWD, m.path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", m.path, err)
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
