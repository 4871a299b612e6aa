package process

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// stopAll has PID 1 stop all others, and sees that all are: where there is no
// freezer. Now and then one such request was lost, so it is repeated.
func (b *box) stopAll(ctx context.Context) error {
	wait := 200 * time.Microsecond
	var asked time.Time
	for {
		if time.Since(asked) > 50*time.Millisecond {
			if err := b.first.signal(stage.SignalStop); err != nil {
				return fmt.Errorf("stop the processes of sandbox %s: %w", b.id, err)
			}
			asked = time.Now()
		}
		running, err := running(b.first.pid)
		if err != nil {
			return err
		}
		if running == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the processes of sandbox %s: %d still run: %w", b.id, running, ctx.Err())
		case <-time.After(wait): // the kernel tells nobody
			wait = min(2*wait, 10*time.Millisecond)
		}
	}
}

// running counts the processes below one that are neither stopped nor dead.
func running(top int) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	parents, states := map[int]int{}, map[int]byte{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		states[pid] = fields[0][0]
	}
	count := 0
	for pid, state := range states {
		if strings.IndexByte("TtZX", state) >= 0 || !below(pid, top, parents) {
			continue
		}
		count++
	}
	return count, nil
}

func below(pid, top int, parents map[int]int) bool {
	for range len(parents) {
		if pid = parents[pid]; pid == top {
			return true
		}
		if pid < 2 {
			return false
		}
	}
	return false
}
