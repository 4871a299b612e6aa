package limit_test

import (
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/limit"
)

func TestEachKeyHasItsOwnRate(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	keys := limit.New(2, 3)
	for _, step := range []struct {
		key   string
		after time.Duration
		wait  time.Duration
	}{
		{"a", 0, 0}, {"a", 0, 0}, {"a", 0, 0},
		{"a", 0, 500 * time.Millisecond},
		{"a", 0, 500 * time.Millisecond}, // what was refused costs nothing
		{"b", 0, 0},
		{"a", 400 * time.Millisecond, 100 * time.Millisecond},
		{"a", 500 * time.Millisecond, 0},
		{"a", 500 * time.Millisecond, 500 * time.Millisecond},
		{"a", time.Hour, 0}, {"a", time.Hour, 0}, {"a", time.Hour, 0}, {"a", time.Hour, 500 * time.Millisecond},
	} {
		wait, ok := keys.Admit(step.key, start.Add(step.after))
		// Tokens are counted in floating point.
		if wait = wait.Round(time.Microsecond); wait != step.wait || ok != (step.wait == 0) {
			t.Errorf("%s after %s: %s, %v; want to wait %s", step.key, step.after, wait, ok, step.wait)
		}
	}
}
