// Package shell knows how shells are started in a sandbox: which one there is, with what environment, in which
// directory, and that the kernel kills them before the daemon when memory runs out.
package shell

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// defaultPath is where programs are looked for when the environment says nothing.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Env is what shells get of the daemon's environment: nothing that is the daemon's own, and a PATH.
func Env(env []string) []string {
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

// Find finds bash, else sh, in the directories of env's PATH and then in /bin and /usr/bin. It asks the file
// system each time, as sandboxed code may install one.
func Find(env []string) (string, error) {
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

// CheckDir refuses a working directory that is none.
func CheckDir(dir string) error {
	if strings.IndexByte(dir, 0) >= 0 {
		return fault.Errorf(fault.Invalid, "cwd must hold no NUL character")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.Errorf(fault.Invalid, "cwd %q is not a directory", dir)
	}
	return nil
}

// StartError tells a mistake of the caller from a failure of the machine, where a shell could not be started
// in dir ("": the daemon's).
func StartError(dir string, err error) error {
	switch {
	case dir != "" && (errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EACCES)):
		return fault.Errorf(fault.Invalid, "cwd %q can't be entered: %w", dir, err)
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return fault.Errorf(fault.Unavailable, "no more processes can be started now: %w", err)
	default: // a shell without its loader, of another architecture, …
		return fault.Errorf(fault.Invalid, "the shell of this image can't be started: %w", err)
	}
}
