package metrics

import (
	"context"
	"sync"
	"time"
)

// watches share one goroutine that measures, which runs only while there is any.
type watches struct {
	mu     sync.Mutex
	open   map[chan Sample]struct{}
	stop   context.CancelFunc // of the goroutine; nil: it does not run
	work   sync.WaitGroup
	ended  bool
	closed chan struct{} // is, when ended
}

// Watch hands a sample to send at once, and then one a second, until ctx is done, send fails or the Sampler is closed.
// Who is slow misses samples and gets the newest. It returns an error only where nothing was sent.
func (s *Sampler) Watch(ctx context.Context, send func(Sample) error) error {
	samples := s.join()
	defer s.leave(samples)
	first, err := s.Sample()
	if err != nil {
		return err
	}
	if send(first) != nil {
		return nil
	}
	sent := time.Now()
	for {
		select {
		case sample := <-samples:
			// All are measured for together: the second sample may be due right after the first, or taken before it.
			if !sample.Time.After(first.Time) || time.Since(sent) < s.every/2 {
				continue
			}
			if send(sample) != nil {
				return nil
			}
			sent = time.Now()
		case <-ctx.Done():
			return nil
		case <-s.watches.closed:
			return nil
		}
	}
}

func (s *Sampler) join() chan Sample {
	w := &s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	samples := make(chan Sample, 1)
	w.open[samples] = struct{}{}
	if w.stop == nil && !w.ended {
		var ctx context.Context
		ctx, w.stop = context.WithCancel(context.Background())
		w.work.Go(func() { s.measure(ctx) })
	}
	return samples
}

// leave ends the measuring with the last watch.
func (s *Sampler) leave(samples chan Sample) {
	w := &s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, samples)
	if len(w.open) == 0 && w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// measure hands a sample to every watch each second.
func (s *Sampler) measure(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		sample, err := s.Sample()
		if err != nil { // it was there when the watches began: the next one may be there again
			continue
		}
		s.watches.hand(sample)
	}
}

func (w *watches) hand(sample Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for samples := range w.open {
		select {
		case <-samples: // the one that was not taken
		default:
		}
		samples <- sample
	}
}

func (w *watches) close() {
	w.mu.Lock()
	if !w.ended {
		w.ended = true
		close(w.closed)
	}
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.mu.Unlock()
	w.work.Wait()
}
