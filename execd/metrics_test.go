package execd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

type figures map[string]float64

func checkFigures(t *testing.T, text string) figures {
	t.Helper()
	var m figures
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if m["cpu_count"] <= 0 || m["cpu_used_pct"] < 0 || m["cpu_used_pct"] > 100 || m["mem_used_mib"] <= 0 || m["mem_used_mib"] > m["mem_total_mib"] {
		t.Errorf("not plausible: %s", text)
	}
	for older, name := range map[string]string{"cpu_used_percentage": "cpu_used_pct", "memory_total_in_mib": "mem_total_mib", "memory_used_in_mib": "mem_used_mib"} {
		if got, ok := m[older]; !ok || got != m[name] {
			t.Errorf("%s is not the same as %s: %s", older, name, text)
		}
	}
	if at := time.UnixMilli(int64(m["timestamp"])); time.Since(at).Abs() > 2*time.Second {
		t.Errorf("the time is not now: %s", at)
	}
	return m
}

func TestMetrics(t *testing.T) {
	s := newServer(t, "")
	res, body := exchange(t, s, request("GET /metrics", "", "Connection: close"), false)
	if res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	checkFigures(t, body)
}

func TestMetricsAreWatchedUntilTheClientGoes(t *testing.T) {
	s := newServer(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/metrics/watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	lines := bufio.NewScanner(res.Body)
	start, last := time.Now(), 0.0
	for n := 0; n < 3; {
		if !lines.Scan() {
			t.Fatalf("it ended: %v", lines.Err())
		}
		if lines.Text() == "" {
			continue
		}
		object, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			t.Fatalf("framing: %q", lines.Text())
		}
		m := checkFigures(t, object)
		if m["timestamp"] <= last {
			t.Errorf("%v after %v", m["timestamp"], last)
		}
		last = m["timestamp"]
		n++
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("three frames took %s", took)
	}
	cancel() // and nothing is left running: see TestMain
}
