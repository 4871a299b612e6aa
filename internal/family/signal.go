package family

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// unsure is how many rounds without news are enough where in each of them processes ended, which elsewhere on the machine
// they do all the time.
const unsure = 4

// Stop stops all that is found, and returns once all have and two rounds running found the same.
func Stop(ctx context.Context, find Finder) error {
	var before map[int]uint64
	same := 0 // rounds running that found what the one before did
	wait := wait{}
	for {
		found, sure, err := find()
		if err != nil {
			return err
		}
		now, running := map[int]uint64{}, 0
		for _, p := range found {
			if p.dead() {
				continue
			}
			now[p.PID] = p.Start
			if p.stopped() {
				continue
			}
			running++
			if err := signal(p, unix.SIGSTOP); err != nil {
				return err
			}
		}
		if same++; running > 0 || before == nil || !maps.Equal(before, now) {
			same = 0
		}
		if same > 0 && sure || same >= unsure {
			return nil
		}
		before = now
		if !wait.more(ctx) {
			return fmt.Errorf("stop processes: %d of %d still run: %w", running, len(found), ctx.Err())
		}
	}
}

// Continue lets all that is found go on, also what had been stopped before.
func Continue(ctx context.Context, find Finder) error {
	wait := wait{}
	for {
		found, _, err := find()
		if err != nil {
			return err
		}
		stopped := 0
		for _, p := range found {
			if !p.stopped() || p.dead() {
				continue
			}
			stopped++
			if err := signal(p, unix.SIGCONT); err != nil {
				return err
			}
		}
		if stopped == 0 {
			return nil
		}
		if !wait.more(ctx) {
			return fmt.Errorf("continue processes: %d of %d are stopped: %w", stopped, len(found), ctx.Err())
		}
	}
}

// stopTime is how long Kill tries to stop all at first.
const stopTime = time.Second

// Kill stops all that is found, so that nothing is started meanwhile, kills it, and returns once there is nothing but
// what waits to be reaped.
func Kill(ctx context.Context, find Finder) error {
	if found, sure, err := find(); err != nil || len(found) == 0 && sure {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, stopTime)
	err := Stop(limited, find)
	cancel()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) { // what can't be stopped may be killed yet
		return err
	}
	wait, quiet := wait{}, 0
	for {
		found, sure, err := find()
		if err != nil {
			return err
		}
		living := 0
		for _, p := range found {
			if p.dead() {
				continue
			}
			living++
			if err := signal(p, unix.SIGKILL); err != nil {
				return err
			}
		}
		if quiet++; living > 0 {
			quiet = 0
		}
		if living == 0 && sure || quiet >= unsure {
			return nil
		}
		if !wait.more(ctx) {
			return fmt.Errorf("kill processes: %d are left: %w", living, ctx.Err())
		}
	}
}

// signal sends one to a process, and to no other that has its number by now. One that has ended is no error.
func signal(p Process, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	if now, ok := look("/proc/" + strconv.Itoa(p.PID)); !ok || now.Start != p.Start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// wait waits a little longer each time: the kernel tells nobody.
type wait struct{ next time.Duration }

func (w *wait) more(ctx context.Context) bool {
	w.next = min(max(2*w.next, 100*time.Microsecond), 10*time.Millisecond)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(w.next):
		return true
	}
}
