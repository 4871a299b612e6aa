package process_test

import (
	"slices"
	"testing"
	"time"
)

// A create is over when the daemon answers; the target is a median of 40 ms.
func BenchmarkCreate(b *testing.B) {
	f := newFixture(b)
	var made, up, gone []time.Duration
	for b.Loop() {
		s := spec("sleep", "infinity")
		began := time.Now()
		if err := f.Provision(b.Context(), s); err != nil {
			b.Fatal(err)
		}
		made = append(made, time.Since(began))
		f.ping(s.ID)
		up = append(up, time.Since(began))
		began = time.Now()
		if err := f.Remove(b.Context(), s.ID); err != nil {
			b.Fatal(err)
		}
		gone = append(gone, time.Since(began))
	}
	for name, all := range map[string][]time.Duration{"made-ms/p50": made, "answers-ms/p50": up, "removed-ms/p50": gone} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name)
	}
}
