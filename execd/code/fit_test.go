package code_test

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestHugeValuesAndFailuresFitIntoTheirEvents(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	for _, p := range []struct{ code, want string }{
		{"'\"' * 3_000_000", "…"},
		{"display({'text/plain': '\\x01' * 3_000_000, 'text/html': '<' * 3_000_000, 'x/y': 'small'}, raw=True)", "small"},
		{"raise ValueError('\\x01' * 3_000_000)", "ValueError"},
		{"def f(n): return f(n - 1) if n else 1 / 0\nf(500)", "ZeroDivisionError"},
	} {
		f := s.open(c, p.code)
		found := false
		for {
			line, err := f.in.ReadString('\n')
			if len(line) > 4<<20 {
				t.Errorf("%s: an event of %d bytes", p.code, len(line))
			}
			found = found || strings.Contains(line, p.want)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !found {
			t.Errorf("%s: no %s", p.code, p.want)
		}
	}
}
