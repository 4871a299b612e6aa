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
)

// defaultPath is where programs are looked for when the environment says nothing.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// commandEnv is what commands get of the daemon's environment: nothing that is the daemon's own.
func commandEnv(env []string) []string {
	var out []string
	path := false
	for _, kv := range env {
		if strings.HasPrefix(kv, "EXECD_") {
			continue
		}
		path = path || strings.HasPrefix(kv, "PATH=")
		out = append(out, kv)
	}
	if !path {
		out = append(out, "PATH="+defaultPath)
	}
	return out
}

// prepare makes the process of a command, not started yet.
func (m *Manager) prepare(spec Spec) (*exec.Cmd, error) {
	if strings.IndexByte(spec.Command, 0) >= 0 || strings.IndexByte(spec.Dir, 0) >= 0 {
		return nil, fault.Errorf(fault.Invalid, "command and cwd must hold no NUL character")
	}
	if spec.Dir != "" {
		if info, err := os.Stat(spec.Dir); err != nil || !info.IsDir() {
			return nil, fault.Errorf(fault.Invalid, "cwd %q is not a directory", spec.Dir)
		}
	}
	shell, err := findShell(m.env)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(shell, "-c", spec.Command)
	cmd.Args[0] = filepath.Base(shell)
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

// findShell finds bash, else sh, in the directories of PATH and then in /bin and /usr/bin.
func findShell(env []string) (string, error) {
	dirs := []string{}
	for _, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			dirs = filepath.SplitList(path)
		}
	}
	for _, name := range []string{"bash", "sh"} {
		for _, dir := range append(dirs, "/bin", "/usr/bin") {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && filepath.IsAbs(dir) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", fault.Errorf(fault.Invalid, "there is no shell in this image: commands need bash or sh in a directory of PATH, in /bin or in /usr/bin")
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
	case spec.Dir != "" && (errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EACCES)):
		return fault.Errorf(fault.Invalid, "cwd %q can't be entered: %w", spec.Dir, err)
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return fault.Errorf(fault.Unavailable, "no more processes can be started now: %w", err)
	default: // a shell without its loader, of another architecture, …
		return fault.Errorf(fault.Invalid, "the shell of this image can't be started: %w", err)
	}
}
