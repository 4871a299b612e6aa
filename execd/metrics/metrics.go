// Package metrics measures what the sandbox uses: its own control group (cgroup v1 or v2), and the whole machine by
// /proc where it has none. It knows no HTTP, and keeps nothing running while nobody watches.
package metrics

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	// shortest is the least time over which processor use is measured: the kernel counts it in ticks.
	shortest = 50 * time.Millisecond
	// longest is how old a count may be that the next one is compared with: the figure is about now.
	longest = 5 * time.Second
	// every is the time between two samples of a watch.
	every = time.Second
)

// Sample is one measurement.
type Sample struct {
	CPUCount float64   // processors that the sandbox may use; a quota makes it a fraction
	CPUUsed  float64   // per cent of the time of these processors, 0 to 100: 100 is that all of CPUCount was busy
	MemTotal float64   // memory that the sandbox may use, MiB
	MemUsed  float64   // of it in use, without the file cache that can be given back at once, MiB; at most MemTotal
	Time     time.Time // of whole milliseconds; rises from sample to sample
}

// Config says what is measured. The zero value is this machine, as this process sees it.
type Config struct {
	Root  fs.FS         // holds proc and sys; nil: the root directory
	Every time.Duration // between two samples of a watch; 0: a second
}

// Sampler measures. Its methods may be called from several goroutines.
type Sampler struct {
	root  fs.FS
	every time.Duration

	mu   sync.Mutex // held while measuring
	last processors // the count that the next one is compared with
	used float64    // per cent, between the last two counts
	time int64      // of the newest sample, Unix ms

	watches watches
}

// New makes a Sampler; the caller must Close it.
func New(c Config) *Sampler {
	if c.Root == nil {
		c.Root = os.DirFS("/")
	}
	if c.Every == 0 {
		c.Every = every
	}
	return &Sampler{root: c.Root, every: c.Every, watches: watches{closed: make(chan struct{}), open: map[chan Sample]struct{}{}}}
}

// Sample measures now. Where no count is there to compare with it takes some 50 ms. It fails where /proc can't be read.
func (s *Sampler) Sample() (Sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := machine{s.root, findGroups(s.root)}
	now, err := m.processors()
	if err != nil {
		return Sample{}, err
	}
	if age := now.at.Sub(s.last.at); s.last.at.IsZero() || age > longest {
		s.last = now
		time.Sleep(shortest) // nothing tells when it is over, and no figure can be had before
		if now, err = m.processors(); err != nil {
			return Sample{}, err
		}
	}
	if now.at.Sub(s.last.at) >= shortest {
		s.used = now.usedSince(s.last)
		s.last = now
	}
	total, used, err := m.memory()
	if err != nil {
		return Sample{}, err
	}
	const mib = 1 << 20
	s.time = max(s.time+1, time.Now().UnixMilli())
	return Sample{CPUCount: now.count, CPUUsed: s.used, MemTotal: float64(total) / mib, MemUsed: float64(used) / mib, Time: time.UnixMilli(s.time)}, nil
}

// Close ends every watch and waits for what they run.
func (s *Sampler) Close() { s.watches.close() }
