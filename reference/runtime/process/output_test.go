package process_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

type conn = net.Conn

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// output puts together what a command wrote, from the events of a stream.
func output(t testing.TB, stream string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(stream) {
		data := strings.TrimPrefix(strings.TrimSpace(line), "data: ")
		var event struct{ Type, Text string }
		if !strings.HasPrefix(data, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if event.Type == "stdout" || event.Type == "stderr" {
			out.WriteString(strings.TrimSuffix(event.Text, "\n") + "\n")
		}
	}
	return out.String()
}

func read(t testing.TB, r io.ReadCloser) string {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

func write(t testing.TB, path, format string, args ...any) {
	t.Helper()
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// states counts the processes of a sandbox by their state, as the host sees
// them: "T" for stopped, "D" for frozen.
func (f *fixture) states(id string) map[string]int {
	f.t.Helper()
	record, err := stage.ReadRecord(filepath.Join(f.cfg.State, "sandboxes", id))
	if err != nil {
		f.t.Fatal(err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		f.t.Fatal(err)
	}
	parents, state := map[int]int{}, map[int]string{}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		parents[pid], _ = strconv.Atoi(fields[1])
		state[pid] = fields[0]
	}
	counts := map[string]int{}
	for pid := range state {
		for p := pid; p > 1; p = parents[p] {
			if p == record.PID {
				counts[state[pid]]++
				break
			}
		}
	}
	return counts
}

// spared is how many processes of a sandbox go on while it is paused: the first
// one where the others are stopped by signals.
func (f *fixture) spared() int {
	if tree, err := cgroup.Detect(); err == nil && !slices.Contains(tree.Lacks(), cgroup.Freezer) {
		return 0
	}
	return 1
}
