package shell

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// expendable is how much sooner than the daemon a process that it started is killed when memory runs out, in
// thousandths of the memory that there is (proc_pid_oom_score_adj(5)).
const expendable = 200

// score is what processes get: the daemon's own, which does not change, and more; nil where it can't be read.
var score = sync.OnceValue(func() []byte {
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return nil
	}
	own, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil
	}
	return strconv.AppendInt(nil, int64(min(own+expendable, 1000)), 10)
})

// Expendable makes the kernel kill the process, and what it will start, before the daemon. What it has started
// already keeps the daemon's score, so it is called right after the start. Where that may not be set, it is left
// as it is.
func Expendable(pid int) {
	if score := score(); score != nil {
		_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", score, 0)
	}
}
