package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// erase overwrites the token in the memory that /proc/PID/environ shows of this process, which is quicker than to execute
// the program once more. It fails where the system does not let it, or something of the token is left.
func erase(token string) error {
	start, end, err := environmentAt()
	if err != nil {
		return err
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	shown := make([]byte, end-start)
	if _, err := memory.ReadAt(shown, start); err != nil {
		return err
	}
	for at := 0; at < len(shown); {
		entry, _, _ := bytes.Cut(shown[at:], []byte{0})
		if bytes.HasPrefix(entry, []byte(tokenVar+"=")) {
			if _, err := memory.WriteAt(make([]byte, len(entry)), start+int64(at)); err != nil {
				return err
			}
		}
		at += len(entry) + 1
	}
	if shown, err = os.ReadFile("/proc/self/environ"); err != nil {
		return err
	}
	if bytes.Contains(shown, []byte(tokenVar+"=")) || token != "" && bytes.Contains(shown, []byte(token)) {
		return errors.New("the environment still shows the token")
	}
	return nil
}

// environmentAt is where the environment that this process was started with lies in its memory (proc_pid_stat(5)).
func environmentAt() (start, end int64, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on
	if len(fields) < 49 {
		return 0, 0, errors.New("the system does not say where the environment is")
	}
	if _, err := fmt.Sscan(fields[47]+" "+fields[48], &start, &end); err != nil {
		return 0, 0, err
	}
	if start <= 0 || end <= start || end-start > 16<<20 {
		return 0, 0, errors.New("the system does not say where the environment is")
	}
	return start, end, nil
}
