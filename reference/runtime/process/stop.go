package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// orderTime is how long PID 1 may take for an order: it is never stopped itself.
const orderTime = 10 * time.Second

// order has PID 1 do something, and returns once it says that it did.
func (b *box) order(ctx context.Context, what byte) error {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	conn, err := dialUnix(ctx, b.dir, stage.FileControl)
	if err != nil {
		return fmt.Errorf("give an order to sandbox %s: %w", b.id, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, err = conn.Write([]byte{what})
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	if err != nil {
		return fmt.Errorf("give an order to sandbox %s: %w", b.id, errors.Join(err, ctx.Err()))
	}
	return nil
}

// stopAll has PID 1 stop all others, where there is no freezer. Its word is not
// enough: it is asked again until none is seen to run.
func (b *box) stopAll(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		if err := b.order(ctx, stage.Stop); err != nil {
			return err
		}
		running, err := running(b.first.pid)
		if running == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the processes of sandbox %s: %d still run: %w", b.id, running, ctx.Err())
		case <-time.After(wait): // the kernel tells nobody
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
