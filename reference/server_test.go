package reference_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
)

func TestTheLifeOfASandbox(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/v1/sandboxes", `{"image":{"uri":"debian:12","auth":{"username":"u","password":"pa55"}},"timeout":60,
		"resourceLimits":{"cpu":"500m","memory":"512Mi","what":"ever"},"entrypoint":["sleep","1"],"env":{"A":"b"},
		"metadata":{"project":"apollo"},"extensions":{"x":"y"},"secureAccess":false}`)
	if a.StatusCode != 202 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	var made box
	a.into(t, &made)
	if made.Status.State != "Pending" || made.Image != nil || made.ExpiresAt.Sub(made.CreatedAt) != time.Minute {
		t.Errorf("create answered %s", a.body)
	}
	if got, want := a.Header.Get("Location"), "/v1/sandboxes/"+made.ID; got != want {
		t.Errorf("location %q, want %q", got, want)
	}
	got := s.await(made.ID, "Running")
	if diff := cmp.Diff(map[string]any{"uri": "debian:12"}, got.Image); diff != "" {
		t.Errorf("image (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"project": "apollo"}, got.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		state              string
	}{
		{"POST", "/pause", "", 202, "Paused"},
		{"POST", "/pause", "", 409, "Paused"},
		{"POST", "/resume", "", 202, "Running"},
		{"POST", "/resume", "", 409, "Running"},
		{"PATCH", "/metadata", `{"a":"b"}`, 200, "Running"},
		{"DELETE", "", "", 204, "Terminated"},
		{"DELETE", "", "", 204, "Terminated"},
		{"POST", "/pause", "", 409, "Terminated"},
		{"POST", "/renew-expiration", `{"expiresAt":"2099-01-01T00:00:00Z"}`, 409, "Terminated"},
		{"GET", "/endpoints/44772", "", 404, "Terminated"},
	} {
		a := s.do(step.method, "/v1/sandboxes/"+made.ID+step.path, step.body)
		if a.StatusCode != step.status {
			t.Errorf("%s %s: %d %s, want %d", step.method, step.path, a.StatusCode, a.body, step.status)
		}
		if a.StatusCode == 202 && (len(a.body) != 0 || a.Header.Get("Content-Length") != "0") {
			t.Errorf("%s %s: body %q, length %q", step.method, step.path, a.body, a.Header.Get("Content-Length"))
		}
		if a.StatusCode >= 400 && a.code() == "" {
			t.Errorf("%s %s: %s is no ErrorResponse", step.method, step.path, a.body)
		}
		s.await(made.ID, step.state)
	}
}

func TestRenewAnswersTheTimeAskedFor(t *testing.T) {
	s := serve(t)
	b := s.create(minimal, "Running")
	asked := b.ExpiresAt.Add(time.Minute + 123456789)
	path := "/v1/sandboxes/" + b.ID
	for _, text := range []string{asked.Format(time.RFC3339Nano), asked.Add(time.Second).In(time.FixedZone("", 7200)).Format(time.RFC3339Nano)} {
		want, _ := time.Parse(time.RFC3339Nano, text)
		var got struct{ ExpiresAt time.Time }
		s.do("POST", path+"/renew-expiration", fmt.Sprintf(`{"expiresAt":%q}`, text)).into(t, &got)
		if !got.ExpiresAt.Equal(want) {
			t.Errorf("renewed until %s, want %s", got.ExpiresAt, want)
		}
		var shown box
		s.do("GET", path, "").into(t, &shown)
		if !shown.ExpiresAt.Equal(want) {
			t.Errorf("get says %s, want %s", shown.ExpiresAt, want)
		}
	}
	for _, body := range []string{`{"expiresAt":"2001-01-01T00:00:00Z"}`, `{"expiresAt":"9999-12-31T23:59:59Z"}`, `{"expiresAt":"tomorrow"}`, `{"expiresAt":null}`, `{}`, `{"expiresAt":"2099-01-01T00:00:00Z","more":1}`} {
		if a := s.do("POST", path+"/renew-expiration", body); a.StatusCode != 400 || a.code() == "" {
			t.Errorf("%s: %d %s, want 400", body, a.StatusCode, a.body)
		}
	}
}

func TestEndpoints(t *testing.T) {
	s := serve(t)
	s.runtime.hold = make(chan struct{})
	b := s.create(minimal, "Pending")
	for _, path := range []string{"/endpoints/44772", "/endpoints/18080?use_server_proxy=true"} {
		if a := s.do("GET", "/v1/sandboxes/"+b.ID+path, ""); a.StatusCode != 200 {
			t.Errorf("%s while Pending: %d %s", path, a.StatusCode, a.body)
		}
	}
	close(s.runtime.hold)
	s.await(b.ID, "Running")
	for port, withToken := range map[string]bool{"44772": true, "18080": false, "1": false, "65535": false} {
		a := s.do("GET", "/v1/sandboxes/"+b.ID+"/endpoints/"+port+"?use_server_proxy=false", "")
		var e struct {
			Endpoint string
			Headers  map[string]string
		}
		a.into(t, &e)
		if want := s.address + "/sandboxes/" + b.ID + "/port/" + port; e.Endpoint != want {
			t.Errorf("endpoint %q, want %q", e.Endpoint, want)
		}
		if token := e.Headers["X-EXECD-ACCESS-TOKEN"]; (token != "") != withToken || !withToken && e.Headers != nil {
			t.Errorf("port %s: headers %v", port, e.Headers)
		}
		// No key, and no token: the gateway puts it in.
		u, err := url.Parse("http://" + e.Endpoint + "/some/path?a;b")
		if err != nil {
			t.Fatal(err)
		}
		reached := s.raw(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", u.RequestURI()))
		if want := "GET /some/path?a;b token=" + e.Headers["X-EXECD-ACCESS-TOKEN"]; string(reached.body) != want {
			t.Errorf("port %s: the service got %q, want %q", port, reached.body, want)
		}
	}
	for _, port := range []string{"0", "65536", "-1", "ssh", "8e3"} {
		if a := s.do("GET", "/v1/sandboxes/"+b.ID+"/endpoints/"+port, ""); a.StatusCode != 400 || a.code() == "" {
			t.Errorf("port %s: %d %s, want 400", port, a.StatusCode, a.body)
		}
	}
	public := serve(t, func(c *reference.Config) { c.PublicAddress = "sandboxes.example:443" })
	b = public.create(minimal, "Running")
	if a := public.do("GET", "/v1/sandboxes/"+b.ID+"/endpoints/80", ""); !strings.Contains(string(a.body), `"sandboxes.example:443/sandboxes/`) {
		t.Errorf("endpoint %s", a.body)
	}
}

func TestTheMetadataFilterIsReadOnceOrTwiceEncoded(t *testing.T) {
	s := serve(t)
	make := func(metadata string) string {
		return s.create(strings.TrimSuffix(minimal, "}")+`,"metadata":`+metadata+`}`, "Running").ID
	}
	apollo := make(`{"project":"apollo","note":"demo-test"}`)
	make(`{"project":"gemini","note":"demo-test"}`)
	prefixed := make(`{"example.com/team":"a.b_c"}`)
	for _, c := range []struct {
		query string
		ids   []string // nil: 400
	}{
		{"metadata=" + url.QueryEscape("project=apollo&note=demo-test"), []string{apollo}},
		{"metadata=" + url.QueryEscape(url.QueryEscape("project=apollo&note=demo-test")), []string{apollo}},
		{"metadata=" + url.QueryEscape("project=apollo&note=other"), []string{}},
		{"metadata=" + url.QueryEscape("example.com%2Fteam=a.b_c"), []string{prefixed}},
		{"metadata=" + url.QueryEscape("example.com/team=a.b_c"), []string{prefixed}},
		{"state=Running&metadata=project%3Dapollo", []string{apollo}},
		{"state=Paused&metadata=project%3Dapollo", []string{}},
		{"metadata=&pageSize=1&page=3", []string{apollo}},
		{"metadata=" + url.QueryEscape("project=%zz"), nil},
		{"metadata=" + url.QueryEscape("project"), nil},
		{"metadata=" + url.QueryEscape("=apollo"), nil},
		{"metadata=" + url.QueryEscape("a=b;c=d"), nil},
	} {
		a := s.do("GET", "/v1/sandboxes?"+c.query, "")
		if c.ids == nil {
			if a.StatusCode != 400 || a.code() == "" {
				t.Errorf("%s: %d %s, want 400", c.query, a.StatusCode, a.body)
			}
			continue
		}
		var page struct{ Items []box }
		a.into(t, &page)
		got := []string{}
		for _, b := range page.Items {
			got = append(got, b.ID)
		}
		if diff := cmp.Diff(c.ids, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.query, diff)
		}
	}
}

func TestManualCleanupIsOffUnlessAskedFor(t *testing.T) {
	for _, body := range []string{strings.Replace(minimal, `"timeout":600,`, "", 1), strings.Replace(minimal, "600", "null", 1)} {
		if a := serve(t).do("POST", "/v1/sandboxes", body); a.StatusCode != 400 || a.code() != "TIMEOUT_REQUIRED" {
			t.Errorf("%d %s, want 400", a.StatusCode, a.body)
		}
		a := serve(t, func(c *reference.Config) { c.ManualCleanup = true }).do("POST", "/v1/sandboxes", body)
		if a.StatusCode != 202 || strings.Contains(string(a.body), "expiresAt") {
			t.Errorf("%d %s, want 202 without expiresAt", a.StatusCode, a.body)
		}
	}
}

func TestAServerWithoutAKeyTakesAnyone(t *testing.T) {
	s := serve(t, func(c *reference.Config) { c.Keys = nil })
	if a := s.raw("GET /v1/sandboxes HTTP/1.1\r\nHost: x\r\n\r\n"); a.StatusCode != 200 {
		t.Errorf("%d %s, want 200", a.StatusCode, a.body)
	}
}

func TestRequestIDs(t *testing.T) {
	s := serve(t)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	const sent = "6c3e1d0a-1111-7222-8333-444455556666"
	for _, c := range []struct{ header, want string }{
		{"", ""}, {"X-Request-ID: nonsense\r\n", ""}, {"X-Request-ID: " + sent + "\r\n", sent},
	} {
		for _, target := range []string{"/v1/sandboxes", "/v1/nowhere", "/nowhere", "/v1/metrics/events", "/sandboxes/nobody/port/80/"} {
			got := s.raw("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + c.header + "\r\n").Header.Get("X-Request-ID")
			if !uuid.MatchString(got) || c.want != "" && got != c.want {
				t.Errorf("%s with %q: request id %q", target, c.header, got)
			}
		}
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func TestSecretsAreInNoLogAndNoAnswer(t *testing.T) {
	var log lines
	s := serve(t, func(c *reference.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b := s.create(`{"image":{"uri":"debian:12","auth":{"username":"us3r","password":"pa55"}},"timeout":60,"resourceLimits":{},"entrypoint":["a"],"env":{"E":"env-secret"}}`, "Running")
	a := s.do("GET", "/v1/sandboxes/"+b.ID+"/endpoints/44772", "")
	var e struct{ Headers map[string]string }
	a.into(t, &e)
	shown := string(s.do("GET", "/v1/sandboxes", "").body) + string(s.do("GET", "/v1/sandboxes/"+b.ID, "").body)
	s.do("GET", "/v1/sandboxes?metadata=query-secret", "")
	log.mu.Lock()
	defer log.mu.Unlock()
	token := e.Headers["X-EXECD-ACCESS-TOKEN"]
	for _, secret := range []string{"us3r", "pa55", "env-secret", token, key, "query-secret"} {
		if secret == "" || strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
		if strings.Contains(shown, secret) {
			t.Errorf("%q is in an answer: %s", secret, shown)
		}
	}
}
