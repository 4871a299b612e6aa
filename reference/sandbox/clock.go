package sandbox

import "time"

// Clock tells the time to a Manager and wakes its scheduler.
type Clock interface {
	Now() time.Time
	// NewTimer returns a timer that is not running.
	NewTimer() Timer
}

// Timer fires once on C after each Reset, as time.Timer does.
type Timer interface {
	C() <-chan time.Time
	Reset(d time.Duration)
	Stop()
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now returns the wall-clock time in UTC. It carries no monotonic reading:
// times are compared with times from the store, which have none.
func (SystemClock) Now() time.Time { return time.Now().UTC().Round(0) }

// NewTimer returns a stopped time.Timer.
func (SystemClock) NewTimer() Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return systemTimer{t}
}

type systemTimer struct{ *time.Timer }

func (t systemTimer) C() <-chan time.Time   { return t.Timer.C }
func (t systemTimer) Reset(d time.Duration) { t.Timer.Reset(d) }
func (t systemTimer) Stop()                 { t.Timer.Stop() }
