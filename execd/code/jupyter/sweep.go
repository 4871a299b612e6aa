package jupyter

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// marker is the variable by which a kernel's processes are known, also those that have left its process group
// (nohup and setsid, servers started from a cell).
const marker = "OPENSANDBOX_KERNEL"

// maxSweeps bounds the hunt for processes that start others meanwhile.
const maxSweeps = 20

// sweep kills every process that was started with the environment variable entry, "NAME=value".
func sweep(entry string) {
	for range maxSweeps {
		if !sweepOnce([]byte(entry)) {
			return
		}
	}
}

func sweepOnce(entry []byte) (found bool) {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	for _, environ := range environs {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(environ)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if killMarked(pid, environ, entry) {
			found = true
		}
	}
	return found
}

// killMarked holds on to the process before it looks, so that its id can't become another's before the kill. One that
// has ended and not been reaped has no environment any more.
func killMarked(pid int, environ string, entry []byte) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false // it is gone, or this kernel (before 5.3) or sandbox has no pidfds
	}
	defer unix.Close(fd)
	env, err := os.ReadFile(environ)
	if err != nil {
		return false // it is gone, or another user's
	}
	for variable := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(variable, entry) {
			return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
		}
	}
	return false
}
