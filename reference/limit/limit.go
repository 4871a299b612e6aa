// Package limit bounds how many requests a client may send, each by its key.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Keys keeps a bucket for each key. Its methods may be called from several
// goroutines at once. It is for keys that were checked: it forgets none.
type Keys struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// New allows each key perSecond requests on the long run, and burst at once.
// Both must be positive.
func New(perSecond float64, burst int) *Keys {
	return &Keys{perSecond: rate.Limit(perSecond), burst: burst, buckets: map[string]*rate.Limiter{}}
}

// Admit takes one request of a key out of its bucket. Where there is none left
// it takes nothing, and says after which time there will be one.
func (k *Keys) Admit(key string, now time.Time) (wait time.Duration, ok bool) {
	taken := k.bucket(key).ReserveN(now, 1)
	if wait = taken.DelayFrom(now); wait == 0 {
		return 0, true
	}
	taken.CancelAt(now)
	return wait, false
}

func (k *Keys) bucket(key string) *rate.Limiter {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.buckets[key]
	if !ok {
		b = rate.NewLimiter(k.perSecond, k.burst)
		k.buckets[key] = b
	}
	return b
}
