package execd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
)

func callCode(t testing.TB, s *httptest.Server, method, path, body string) (status int, answer string) {
	t.Helper()
	res, answer := call(t, s, method, path, body)
	return res.StatusCode, answer
}

func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
}

func TestCodeOverHTTP(t *testing.T) {
	needs(t, "bash")
	s := newServer(t, "")
	expect := func(method, path, body string, status int, parts ...string) string {
		t.Helper()
		got, answer := callCode(t, s, method, path, body)
		if got != status {
			t.Errorf("%s %s %s: %d %s", method, path, body, got, answer)
		}
		for _, part := range parts {
			if !strings.Contains(answer, part) {
				t.Errorf("%s %s %s: no %s in %s", method, path, body, part, answer)
			}
		}
		return answer
	}
	for _, body := range []string{`{}`, `{"language":""}`, `{"language":"cobol"}`, `{"language":"Bash"}`} {
		expect("POST", "/code/context", body, 400, `"code"`, `"message"`, "bash")
	}
	expect("POST", "/code", `{"code":"x=1","context":{"language":"cobol"}}`, 400, "cobol", "bash")
	expect("POST", "/code", `{"code":"x=1","context":{"language":""}}`, 400, "language", "bash")
	expect("POST", "/code", `{"code":"x=1","context":{"id":"nope","language":"bash"}}`, 404, "nope")
	expect("POST", "/code", `{"context":{"language":"bash"}}`, 400)
	expect("GET", "/code/contexts?language=cobol", "", 400, "cobol")
	expect("DELETE", "/code/contexts?language=cobol", "", 400, "cobol")
	expect("DELETE", "/code/contexts", "", 400)
	expect("DELETE", "/code?id=nope", "", 404)
	expect("DELETE", "/code", "", 400)
	expect("GET", "/code/contexts/nope", "", 404)
	expect("DELETE", "/code/contexts/nope", "", 404)
	if got := expect("GET", "/code/contexts", "", 200); got != "[]" {
		t.Errorf("contexts: %s", got)
	}

	var c struct{ ID, Language string }
	if err := json.Unmarshal([]byte(expect("POST", "/code/context", `{"language":"bash"}`, 200)), &c); err != nil || c.ID == "" || c.Language != "bash" {
		t.Fatalf("%+v %v", c, err)
	}
	in := `"context":{"id":"` + c.ID + `","language":"bash"}`
	expect("POST", "/code", `{"code":"x=41",`+in+`}`, 200, `"init"`, c.ID, `"execution_count":1`, `"execution_complete"`)
	expect("POST", "/code", `{"code":"echo $((x+1))",`+in+`}`, 200, `"text":"42"`)
	expect("POST", "/code", `{"code":"x","context":{"id":"`+c.ID+`","language":"python"}}`, 400, "bash", "python")
	expect("POST", "/code", `{"code":"echo x$x","context":{"language":"bash"}}`, 200, `"text":"x"`)
	if got := expect("GET", "/code/contexts?language=bash", "", 200, c.ID); strings.Count(got, `"id"`) != 2 {
		t.Errorf("the default context is not listed: %s", got)
	}
	expect("GET", "/code/contexts/"+c.ID, "", 200, c.ID, `"bash"`)
	expect("DELETE", "/code?id="+c.ID, "", 200)
	expect("POST", "/code", `{"code":"echo shell; exit 3"}`, 200, `"init"`, `"text":"shell"`, `"evalue":"3"`)
	expect("DELETE", "/code/contexts/"+c.ID, "", 200)
	expect("DELETE", "/code/contexts/"+c.ID, "", 404)
	expect("DELETE", "/code/contexts?language=bash", "", 200)
	if got := expect("GET", "/code/contexts", "", 200); got != "[]" {
		t.Errorf("contexts: %s", got)
	}
	expect("DELETE", "/code/contexts?language=bash", "", 200)
}

func TestTheCodePort(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	var log bytes.Buffer
	config := execd.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), CodePort: port}
	taken, err := execd.New(config)
	if err != nil {
		t.Fatal(err)
	}
	taken.Close()
	if !strings.Contains(log.String(), "code port") {
		t.Errorf("logged: %s", log.String())
	}
	free.Close()
	api, err := execd.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	for range 3 {
		conn, err := net.Dial("tcp", free.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%v", err)
		}
		conn.Close()
	}
}

// BenchmarkCode is a whole call of a context that is warm, and of one that is new.
func BenchmarkCode(b *testing.B) {
	for language, text := range map[string]string{"python": "1+1", "javascript": "1+1", "bash": "echo $((1+1))"} {
		start := func(b *testing.B) *httptest.Server {
			api, err := execd.New(execd.Config{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			s := httptest.NewServer(api)
			b.Cleanup(func() {
				s.Client().CloseIdleConnections()
				api.Close()
				s.Close()
			})
			return s
		}
		run := `{"code":"` + text + `","context":{"language":"` + language + `"}}`
		b.Run(language+"/warm", func(b *testing.B) {
			s := start(b)
			callCode(b, s, "POST", "/code", run)
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if status, answer := callCode(b, s, "POST", "/code", run); status != 200 || !strings.Contains(answer, `"2"`) {
					b.Fatalf("%d %s", status, answer)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns/op")
		})
		b.Run(language+"/cold", func(b *testing.B) {
			s := start(b)
			for b.Loop() {
				if status, answer := callCode(b, s, "POST", "/code", run); status != 200 || !strings.Contains(answer, `"2"`) {
					b.Fatalf("%d %s", status, answer)
				}
				b.StopTimer()
				callCode(b, s, "DELETE", "/code/contexts?language="+language, "")
				b.StartTimer()
			}
		})
	}
	b.Run("python/process", func(b *testing.B) {
		for b.Loop() {
			if err := exec.CommandContext(context.Background(), "python3", "-c", "1+1").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
