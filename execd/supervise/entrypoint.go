package supervise

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// defaultPath is where a program is looked for when the environment says nothing.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

// find gives the file of a program: as it is where it has a slash, else in the directories of PATH.
func find(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := defaultPath
	for _, kv := range env {
		if p, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = p
		}
	}
	found := syscall.ENOENT
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 == 0:
			found = syscall.EACCES
		default:
			return file, nil
		}
	}
	return "", found
}

// explain gives the exit status for a program that could not be started, and why, in words. The system
// says "no such file" also where the program is there and what it needs to start is not.
func explain(name, program string, err error) (status int, reason string) {
	switch {
	case program == "" && errors.Is(err, syscall.ENOENT):
		return statusNotFound, fmt.Sprintf("%q: not found in any directory of PATH", name)
	case program == "":
		return statusNotExecutable, fmt.Sprintf("%q: found in PATH, and not executable", name)
	case errors.Is(err, syscall.ENOENT):
		if _, serr := os.Stat(program); serr != nil {
			return statusNotFound, fmt.Sprintf("%q: there is no such file", program)
		}
		if needs := interpreter(program); needs != "" {
			return statusNotFound, fmt.Sprintf("%q is there, but it needs %q to start, and that is missing", program, needs)
		}
		return statusNotFound, fmt.Sprintf("%q is there, but something that it needs to start is missing", program)
	case errors.Is(err, syscall.ENOEXEC):
		return statusNotExecutable, fmt.Sprintf("%q is no program for this machine: neither a binary of its architecture nor a script that begins with #!", program)
	default:
		return statusNotExecutable, fmt.Sprintf("%q can't be executed: %v", program, err)
	}
}

// interpreter is the file that starts the program: of a script what its #! line names, of a binary its loader.
func interpreter(program string) string {
	f, err := os.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if script, ok := strings.CutPrefix(line, "#!"); ok {
		if fields := strings.Fields(script); len(fields) > 0 {
			return fields[0]
		}
		return ""
	}
	binary, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			path, _ := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return strings.TrimRight(string(path), "\x00")
		}
	}
	return ""
}
