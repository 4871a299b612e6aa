package code_test

import (
	"strings"
	"testing"
	"time"
)

func TestCodeThatWillNotBeInterruptedIsEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it takes seven seconds")
	}
	s := newServer(t)
	c := s.create("python")
	f := s.open(c, "import signal\nsignal.signal(signal.SIGINT, lambda *a: None)\nprint('go')\nwhile True: pass")
	f.until("go")
	start := time.Now()
	if err := s.manager.Interrupt(c.ID); err != nil {
		t.Fatal(err)
	}
	if o := f.rest(); !strings.HasPrefix(o.failure, "KernelDied: it was ended, as its code went on") || time.Since(start) > 10*time.Second {
		t.Errorf("%s after %s", o.failure, time.Since(start))
	}
	if o := s.run(c, "1"); len(o.status) != 1 || o.failure != "" {
		t.Errorf("%+v", o)
	}
}
