package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Record names a process so that it can't be mistaken for a later one of the
// same number.
type Record struct {
	PID   int
	Start uint64 // proc_pid_stat(5), field 22
	Boot  string // of which start of the machine
}

// ErrGone is returned by Of for a process that is not there.
var ErrGone = errors.New("there is no such process")

// Of makes the record of a running process; pid 0 is this one.
func Of(pid int) (Record, error) {
	if pid == 0 {
		// What the mounted /proc calls it, which is the host's: os.Getpid gives 1.
		self, err := os.Readlink("/proc/self")
		if err != nil {
			return Record{}, err
		}
		if pid, err = strconv.Atoi(self); err != nil {
			return Record{}, err
		}
	}
	_, start, err := Stat(pid)
	if err != nil {
		return Record{}, err
	}
	boot, err := bootID()
	return Record{PID: pid, Start: start, Boot: boot}, err
}

// Stat gives the state of a process, as a letter of proc_pid_stat(5), and when
// it was started.
func Stat(pid int) (state byte, start uint64, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, 0, ErrGone
	}
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat is %q", pid, b)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0][0], start, err
}

var bootID = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
})

// write puts the record into the working directory.
func (r Record) write() error { return writeJSON(FileRecord, r) }

// ReadRecord reads the record in a sandbox's directory. The error wraps
// fs.ErrNotExist where there is none.
func ReadRecord(dir string) (Record, error) {
	var r Record
	b, err := os.ReadFile(dir + "/" + FileRecord)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil || r.PID < 2 {
		return r, fmt.Errorf("%s in %s is %q", FileRecord, dir, b)
	}
	return r, nil
}

// End is how the entrypoint ended, as the sandbox says. It is told to who
// asked for the sandbox, and nothing is decided by it: what runs in the sandbox
// may have written it.
type End struct {
	Status  int
	Message string
}

const endFile = "end"

// Tell writes it where the server looks; called inside.
func (e End) Tell(dir string) error { return writeJSON(dir+"/"+endFile, e) }

// longestEnd bounds what is read of it, in bytes.
const longestEnd = 16 << 10

// ReadEnd reads it from a sandbox's directory; ok says that there is one.
func ReadEnd(dir string) (e End, ok bool) {
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return e, false
	}
	defer unix.Close(at)
	said := DirSaid
	if layer, err := os.Readlink(dir + "/" + DirSaid); err == nil { // the stage's own, out of the sandbox's reach
		said = layer
	}
	// The sandbox can put a link, a pipe or anything else there.
	fd, err := unix.Openat2(at, said+"/"+endFile, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return e, false
	}
	f := os.NewFile(uintptr(fd), endFile)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return e, false
	}
	b, err := io.ReadAll(io.LimitReader(f, longestEnd))
	if err != nil || json.Unmarshal(b, &e) != nil {
		return End{}, false
	}
	return e, true
}

// writeJSON writes a file that is there as a whole or not at all.
func writeJSON(path string, what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
