package execd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

// call makes a request and gives status, headers and body.
func call(t testing.TB, s *httptest.Server, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// run posts JSON to a path that streams, and gives the id and all that was streamed.
func run(t *testing.T, s *httptest.Server, path, body string) (id, events string) {
	t.Helper()
	res, events := call(t, s, http.MethodPost, path, body)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", path, body, res.StatusCode, events)
	}
	_, id, _ = strings.Cut(events, `"text":"`)
	id, _, _ = strings.Cut(id, `"`)
	return id, events
}

func object(t *testing.T, s *httptest.Server, path string) map[string]any {
	t.Helper()
	res, body := call(t, s, http.MethodGet, path, "")
	var o map[string]any
	if err := json.Unmarshal([]byte(body), &o); err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") == "" {
		t.Fatalf("%s: %d %v %s", path, res.StatusCode, res.Header, body)
	}
	return o
}

func TestStatusOutputAndLogsOverHTTP(t *testing.T) {
	s := newServer(t, "")
	id, events := run(t, s, "/command", `{"command":"echo a; printf 'b\\n\\377\\342\\202' >&2; sleep 0.02; printf '\\254\"' >&2; exit 4","background":true}`)
	if strings.Count(events, "data: ") != 2 || !strings.Contains(events, "execution_complete") {
		t.Errorf("events: %s", events)
	}
	var status map[string]any
	leaktest.Eventually(t, "it ends", func() bool { status = object(t, s, "/command/status/"+id); return status["running"] == false })
	if status["id"] != id || status["session"] != id || status["exit_code"] != 4.0 || status["error"] == "" || status["started_at"] == nil || status["finished_at"] == nil || !strings.Contains(status["content"].(string), "echo a") {
		t.Errorf("status: %v", status)
	}
	output := object(t, s, "/command/output/"+id)
	if output["stdout"] != "a\n" || output["stderr"] != "b\n\ufffd€\"" || output["exit_code"] != 4.0 || output["id"] != id {
		t.Errorf("output: %v", output)
	}
	res, logs := call(t, s, http.MethodGet, "/command/"+id+"/logs", "")
	if res.Header.Get("EXECD-COMMANDS-TAIL-CURSOR") != "9" || len(logs) != 9 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("logs: %v %q", res.Header, logs)
	}
	for cursor, want := range map[string]string{"0": logs, "2": logs[2:], "9": "", "99": ""} {
		if res, rest := call(t, s, http.MethodGet, "/command/"+id+"/logs?cursor="+cursor, ""); rest != want || res.Header.Get("EXECD-COMMANDS-TAIL-CURSOR") != "9" {
			t.Errorf("logs from %s: %q %v", cursor, rest, res.Header)
		}
	}
	if res, body := call(t, s, http.MethodDelete, "/command?id="+id, ""); res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != "0" {
		t.Errorf("interrupt after the end: %d %q", res.StatusCode, body)
	}
}

func TestARunningCommandHasNoEnd(t *testing.T) {
	s := newServer(t, "")
	id, _ := run(t, s, "/command", `{"command":"echo up; sleep 4713.1","background":true}`)
	leaktest.Eventually(t, "its output can be read", func() bool { return object(t, s, "/command/output/"+id)["stdout"] == "up\n" })
	status := object(t, s, "/command/status/"+id)
	if status["running"] != true || status["exit_code"] != nil || status["finished_at"] != nil || status["error"] != nil {
		t.Errorf("status: %v", status)
	}
	if res, _ := call(t, s, http.MethodDelete, "/command?id="+id, ""); res.StatusCode != 200 {
		t.Errorf("interrupt: %d", res.StatusCode)
	}
	leaktest.Eventually(t, "it ends", func() bool { return object(t, s, "/command/status/"+id)["running"] == false })
}

func TestLargeOutputIsNotHeldInMemory(t *testing.T) {
	s := newServer(t, "")
	id, _ := run(t, s, "/command", `{"command":"yes 0123456789 | head -c 50000000","background":true}`)
	leaktest.Eventually(t, "it ends", func() bool { return object(t, s, "/command/status/"+id)["running"] == false })
	for _, path := range []string{"/command/output/" + id, "/command/" + id + "/logs"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		runtime.ReadMemStats(&after)
		if err != nil || n < 50_000_000 {
			t.Errorf("%s: %d bytes, %v", path, n, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
			t.Errorf("%s: %d bytes were allocated", path, allocated)
		}
	}
}

func TestTheClientOfABackgroundCommandMayLeave(t *testing.T) {
	s := newServer(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/command", strings.NewReader(`{"command":"sleep 0.3; echo done","background":true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	cancel()
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(line, `"text":"`)
	id, _, _ = strings.Cut(id, `"`)
	start := time.Now()
	leaktest.Eventually(t, "it ends by itself", func() bool { return object(t, s, "/command/status/"+id)["running"] == false })
	if o := object(t, s, "/command/output/"+id); o["exit_code"] != 0.0 || o["stdout"] != "done\n" {
		t.Errorf("after %s: %v", time.Since(start), o)
	}
}
