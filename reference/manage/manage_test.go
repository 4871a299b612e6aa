package manage_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/manage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatIsAnsweredAtTheManagementAddress(t *testing.T) {
	m := manage.NewMetrics()
	m.Watch(manage.Sources{
		Sandboxes: func() map[sandbox.State]int { return map[sandbox.State]int{sandbox.Running: 3} },
		Carried:   func() int { return 2 },
	})
	m.Observe("createSandbox", 202, 3*time.Millisecond)
	m.Observe("createSandbox", 202, time.Millisecond)
	m.Observe(manage.Gateway, 101, time.Hour)
	s := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "health: "+r.URL.Path)
	})))
	defer s.Close()
	for path, wanted := range map[string][]string{
		"/metrics": {
			`opensandbox_requests_total{operation="createSandbox",status="202"} 2`,
			`opensandbox_requests_total{operation="gateway",status="101"} 1`,
			`opensandbox_request_seconds_count{operation="createSandbox"} 2`,
			`opensandbox_sandboxes{state="Running"} 3`,
			`opensandbox_sandboxes{state="Paused"} 0`,
			"opensandbox_gateway_requests 2", "go_goroutines ", "process_resident_memory_bytes ", "go_build_info{",
		},
		"/debug/pprof/":                  {"goroutine", "heap"},
		"/debug/pprof/goroutine?debug=1": {"goroutine profile: total"},
		"/healthz":                       {"health: /healthz"},
		"/readyz":                        {"health: /readyz"},
	} {
		res, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		for _, want := range wanted {
			if !strings.Contains(string(body), want) {
				t.Errorf("%s: %d, no %q in\n%.3000s", path, res.StatusCode, want, body)
			}
		}
		if strings.Contains(string(body), `request_seconds_count{operation="gateway"}`) {
			t.Error("the life of streams is counted as a time to answer")
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
