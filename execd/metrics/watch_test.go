package metrics_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/metrics"
)

func TestAWatchBeginsAtOnceAndGoesOnInSteps(t *testing.T) {
	s := sampler(t, metrics.Config{Every: 100 * time.Millisecond})
	start := time.Now()
	var last time.Time
	n := 0
	err := s.Watch(t.Context(), func(got metrics.Sample) error {
		if !got.Time.After(last) {
			t.Errorf("%s after %s", got.Time, last)
		}
		last = got.Time
		if n++; n == 5 {
			return errors.New("enough")
		}
		return nil
	})
	if took := time.Since(start); err != nil || n != 5 || took < 300*time.Millisecond {
		t.Errorf("%d samples in %s, %v", n, took, err)
	}
}

// counted counts how often the machine is measured.
type counted struct {
	fs.FS
	n *atomic.Int64
}

func (c counted) Open(name string) (fs.File, error) {
	if name == "proc/meminfo" {
		c.n.Add(1)
	}
	return c.FS.Open(name)
}

func TestManyWatchesCostOneAndNoneCostsNothing(t *testing.T) {
	var measured atomic.Int64
	s := sampler(t, metrics.Config{Root: counted{os.DirFS("/"), &measured}, Every: 100 * time.Millisecond})
	const watchers = 100
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var begun, group sync.WaitGroup
	begun.Add(watchers)
	var seen atomic.Int64
	enough := make(chan struct{})
	for range watchers {
		group.Go(func() {
			n := 0
			if err := s.Watch(ctx, func(metrics.Sample) error {
				if n++; n == 1 {
					begun.Done()
				}
				if seen.Add(1) == 5*watchers {
					close(enough)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	<-enough
	cancel()
	group.Wait()
	if n := measured.Load(); n < watchers || n > watchers+20 {
		t.Errorf("measured %d times for %d first samples and some 4 shared ones", n, watchers)
	}
	s.Close() // waits for what runs
	before := measured.Load()
	if err := s.Watch(t.Context(), func(metrics.Sample) error { return nil }); err != nil {
		t.Error(err)
	}
	if n := measured.Load() - before; n != 1 {
		t.Errorf("a watch after Close measured %d times, want once", n)
	}
}

func TestCloseEndsWatches(t *testing.T) {
	s := metrics.New(metrics.Config{})
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Watch(context.Background(), func(metrics.Sample) error { close(begun); return nil })
	}()
	<-begun
	s.Close()
	<-ended
}

func TestASlowWatchHoldsNoOneElseUp(t *testing.T) {
	s := sampler(t, metrics.Config{Every: 20 * time.Millisecond})
	stuck := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.Watch(ctx, func(metrics.Sample) error { <-stuck; return nil })
	})
	n := 0
	_ = s.Watch(t.Context(), func(metrics.Sample) error {
		if n++; n == 10 {
			return errors.New("enough")
		}
		return nil
	})
	close(stuck)
	cancel()
	group.Wait()
}
