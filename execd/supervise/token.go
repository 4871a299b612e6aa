// Package supervise starts the daemon: as the first process of a container (PID 1), which starts the
// container's own program and the daemon and reaps and passes signals on; and so that the token is in no
// environment that another process can read.
package supervise

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	ownPrefix = "EXECD_" // of variables that are the daemon's own
	tokenVar  = "EXECD_ACCESS_TOKEN"
	fdVar     = "EXECD_TOKEN_FD" // number of a descriptor that the token can be read from
)

// TakeToken gives the token that this process was started with, "" for none. It must be called before
// anything else is done: /proc/PID/environ shows the environment that a process was started with for as long
// as it lives, so that TakeToken erases the token there. Where that can't be done it does not return but executes the
// program once more, without the token, which it hands on through a pipe.
func TakeToken() (string, error) {
	if token, ok := os.LookupEnv(tokenVar); ok {
		if err := checkToken(token); err != nil {
			return "", err
		}
		if erase(token) == nil {
			return token, os.Unsetenv(tokenVar)
		}
		return "", fmt.Errorf("start again without %s: %w", tokenVar, restart(token))
	}
	number, ok := os.LookupEnv(fdVar)
	if !ok {
		return "", nil
	}
	os.Unsetenv(fdVar)
	fd, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("%s is no number: %q", fdVar, number)
	}
	pipe := os.NewFile(uintptr(fd), "token")
	if pipe == nil {
		return "", fmt.Errorf("%s is no descriptor: %q", fdVar, number)
	}
	defer pipe.Close()
	token, err := io.ReadAll(pipe)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return string(token), nil
}

// restart executes this program with the same arguments and without the token in its environment.
func restart(token string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env := withoutOwn(os.Environ())
	if token != "" {
		pipe, err := tokenPipe(token)
		if err != nil {
			return err
		}
		if _, err := unix.FcntlInt(pipe.Fd(), unix.F_SETFD, 0); err != nil { // stays open over the exec
			return err
		}
		env = append(env, fdVar+"="+strconv.Itoa(int(pipe.Fd())))
	}
	return syscall.Exec(self, os.Args, env)
}

// TokenPipe is a pipe that holds the token and ends after it, for a supervisor that TokenVariable names it to.
func TokenPipe(token string) (*os.File, error) { return tokenPipe(token) }

// TokenVariable is the variable that tells TakeToken of the pipe's descriptor.
func TokenVariable(fd int) string { return fdVar + "=" + strconv.Itoa(fd) }

// tokenPipe is a pipe that holds the token and ends after it.
func tokenPipe(token string) (*os.File, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.WriteString(token)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func checkToken(token string) error {
	if len(token) > 4096 { // what a pipe takes in any case without a reader
		return fmt.Errorf("a token may have at most 4096 bytes, this one has %d", len(token))
	}
	return nil
}

// withoutOwn is what processes that are not the daemon get of an environment.
func withoutOwn(env []string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, ownPrefix) {
			out = append(out, kv)
		}
	}
	return out
}

// Harden closes the memory, the descriptors and the environment of this process to others of the same user,
// and keeps the descriptors that it inherited from what it starts.
func Harden() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd") // a kernel before 5.11, or a filter of system calls
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return err
}
