package sandbox

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// scheduler calls due once for every id whose moment has come. It has one
// timer, set to the earliest moment, whatever the number of ids.
type scheduler struct {
	clock Clock
	due   func(id string) // must not block

	mu      sync.Mutex
	moments moments
	byID    map[string]*moment
	wake    chan struct{} // holds one token: the earliest moment may have changed
}

func newScheduler(clock Clock, due func(id string)) *scheduler {
	return &scheduler{clock: clock, due: due, byID: map[string]*moment{}, wake: make(chan struct{}, 1)}
}

// set replaces the moment of id.
func (s *scheduler) set(id string, at time.Time) {
	s.mu.Lock()
	if m, ok := s.byID[id]; ok {
		m.at = at
		heap.Fix(&s.moments, m.index)
	} else {
		m := &moment{id: id, at: at}
		s.byID[id] = m
		heap.Push(&s.moments, m)
	}
	first := s.moments[0].id == id
	s.mu.Unlock()
	if first {
		s.nudge()
	}
}

// drop forgets id. The timer may fire for it once more, in vain.
func (s *scheduler) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.byID[id]; ok {
		heap.Remove(&s.moments, m.index)
		delete(s.byID, id)
	}
}

func (s *scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run fires until ctx ends.
func (s *scheduler) run(ctx context.Context) {
	timer := s.clock.NewTimer()
	defer timer.Stop()
	for {
		next, ok := s.fire()
		if ok {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C():
		}
	}
}

// fire calls due for all whose moment has come, and returns how long it is
// until the next one, if there is one.
func (s *scheduler) fire() (time.Duration, bool) {
	for {
		s.mu.Lock()
		if len(s.moments) == 0 {
			s.mu.Unlock()
			return 0, false
		}
		first := s.moments[0]
		if wait := first.at.Sub(s.clock.Now()); wait > 0 {
			s.mu.Unlock()
			return wait, true
		}
		heap.Pop(&s.moments)
		delete(s.byID, first.id)
		s.mu.Unlock()
		s.due(first.id)
	}
}

type moment struct {
	id    string
	at    time.Time
	index int
}

// moments is a heap, the earliest first.
type moments []*moment

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i].at.Before(m[j].at) }
func (m moments) Swap(i, j int) {
	m[i], m[j] = m[j], m[i]
	m[i].index, m[j].index = i, j
}
func (m *moments) Push(x any) {
	it := x.(*moment)
	it.index = len(*m)
	*m = append(*m, it)
}
func (m *moments) Pop() any {
	old := *m
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*m = old[:len(old)-1]
	return it
}
