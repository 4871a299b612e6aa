package main

import (
	"strings"
	"testing"
)

func TestTheTableSaysPlainlyWhatWasMissed(t *testing.T) {
	f, err := read(strings.NewReader(`goos: linux
BenchmarkExecd/quick-2  1  3.0 p50-ms  2.5 bare-p50-ms
BenchmarkExecd/slow-2  1  5.0 MBps  10 bare-MBps
BenchmarkExecd/slow-2  1  4.0 MBps  10 bare-MBps
BenchmarkExecd/slow-2  1  9.0 MBps  10 bare-MBps
BenchmarkExecd/absent-2  1  1 not-built
PASS
`))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	missed := show(&out, []row{
		{"quick work", "quick", "p50-ms", "a reference", plus, 0.8},
		{"slow work", "slow", "MBps", "another", timesLow, 0.6},
		{"absent work", "absent", "ms", "", atMost, 1},
		{"forgotten work", "forgotten", "ms", "", atMost, 1},
	}, f)
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"MEASURED", "+0.5 ms", "0.50 ×", "not built", "not measured"} {
		if !strings.Contains(lines[i], want) || strings.Contains(lines[i], "MISSED") != (i > 1) {
			t.Errorf("%q should say %q, and MISSED in the last three", lines[i], want)
		}
	}
	if missed != 3 {
		t.Errorf("%d missed, want 3", missed)
	}
	if _, err := read(strings.NewReader("FAIL\n")); err == nil {
		t.Error("no benchmark at all passes for something")
	}
}
