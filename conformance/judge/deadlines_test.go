package judge_test

import (
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func TestDeadlinesComeBackFromAReport(t *testing.T) {
	d := judge.DefaultDeadlines()
	d.Provision, d.LineSoon = time.Minute, 300*time.Millisecond
	named := d.Milliseconds()
	if named["provision"] != 60000 || named["lineSoon"] != 300 {
		t.Errorf("got %v", named)
	}
	if got := judge.FromMilliseconds(named); got != d {
		t.Errorf("got %+v, want %+v", got, d)
	}
	if got := judge.FromMilliseconds(nil); got != judge.DefaultDeadlines() {
		t.Errorf("of nothing: %+v", got)
	}
}
