package command

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/shell"
)

// prepare makes the process of a command, not started yet.
func (m *Manager) prepare(spec Spec) (*exec.Cmd, error) {
	if strings.IndexByte(spec.Command, 0) >= 0 {
		return nil, fault.Errorf(fault.Invalid, "command must hold no NUL character")
	}
	if spec.Dir != "" {
		if err := shell.CheckDir(spec.Dir); err != nil {
			return nil, err
		}
	}
	program, err := shell.Find(m.env)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-c", spec.Command)
	cmd.Args[0] = filepath.Base(program)
	cmd.Dir = spec.Dir
	cmd.Env = m.env[:len(m.env):len(m.env)] // appending must not reach the next command
	// A session of its own: a group for signals, and no terminal that could stop it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := asUser(cmd, spec); err != nil {
		return nil, err
	}
	for name, value := range spec.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.IndexByte(value, 0) >= 0 {
			return nil, fault.Errorf(fault.Invalid, "envs: %q can't be set: a name must not be empty or hold \"=\", and neither it nor its value a NUL character", name)
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd, nil
}

// asUser makes cmd run as the user that spec names, with the groups that list this user.
func asUser(cmd *exec.Cmd, spec Spec) error {
	if spec.UID == nil {
		if spec.GID != nil {
			return fault.Errorf(fault.Invalid, "gid needs uid: send both")
		}
		return nil
	}
	accounts := account.Load("/etc")
	user, known := accounts.User(*spec.UID)
	cred := &syscall.Credential{Uid: *spec.UID, Gid: *spec.UID}
	if known {
		cred.Gid = user.GID
		cred.Groups = accounts.Supplementary(user.Name)
		cmd.Env = append(cmd.Env, "HOME="+user.Home, "USER="+user.Name, "LOGNAME="+user.Name)
	}
	if spec.GID != nil {
		cred.Gid = *spec.GID
	}
	if os.Geteuid() != 0 && int(cred.Uid) == os.Geteuid() && int(cred.Gid) == os.Getegid() {
		return nil // it is this user already, and setgroups would be refused
	}
	cmd.SysProcAttr.Credential = cred
	return nil
}

// startError tells a mistake of the caller from a failure of the machine.
func startError(spec Spec, err error) error {
	switch {
	case errors.Is(err, syscall.E2BIG):
		return fault.Errorf(fault.Invalid, "command and envs are too long for this system (a single string may have about 128 KiB): upload a script and run that")
	case spec.UID != nil && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)):
		return fault.Errorf(fault.Invalid, "uid %d can't be taken here: %w", *spec.UID, err)
	case spec.UID != nil && errors.Is(err, syscall.EACCES):
		return fault.Errorf(fault.Invalid, "uid %d may not run the shell, or not in cwd %q: %w", *spec.UID, spec.Dir, err)
	default:
		return shell.StartError(spec.Dir, err)
	}
}
