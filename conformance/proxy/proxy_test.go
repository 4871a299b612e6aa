package proxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/proxy"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// enter asks for an endpoint and returns its URL, as clients make it.
func (w *watcher) enter(port string) string {
	w.t.Helper()
	var endpoint struct {
		Endpoint string
		Headers  map[string]string
	}
	if err := json.Unmarshal([]byte(w.said("GET", "/v1/sandboxes/1/endpoints/"+port, "")), &endpoint); err != nil {
		w.t.Fatal(err)
	}
	if !strings.HasPrefix("http://"+endpoint.Endpoint, w.url+proxy.Own) || endpoint.Headers["X-EXECD-ACCESS-TOKEN"] != token {
		w.t.Fatalf("the endpoint is %+v", endpoint)
	}
	return "http://" + endpoint.Endpoint
}

func TestEverythingPassesAsItCame(t *testing.T) {
	d := deploy(t)
	w := watch(t, d)
	service, daemon := w.enter("8000"), w.enter("44772")
	for range 2 {
		<-d.asked
	}
	for url, want := range map[string]string{
		w.url + "/v1/sandboxes/a%2Fb?x=%zz;y":    "/v1/sandboxes/a%2Fb?x=%zz;y",
		w.url + "/docs//index?":                  "/docs//index?",
		service + "/a%2Fb//c;d?e=%2F&f;g=%zz":    "/at/1/8000/a%2Fb//c;d?e=%2F&f;g=%zz",
		service:                                  "/at/1/8000",
		daemon + "/files/download?path=%2Fa%20b": "/at/1/44772/files/download?path=%2Fa%20b",
	} {
		w.said("GET", url, "")
		if got := <-d.asked; got != want {
			t.Errorf("%s arrives as %s, want %s", url, got, want)
		}
	}
}

func TestAPlaceNamedByTheServerIsBehindTheProxy(t *testing.T) {
	d := deploy(t)
	d.handlers["POST /v1/sandboxes"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+"/v1/sandboxes/1")
		text(202, `{"id":"1","status":{"state":"Pending"},"createdAt":"2026-11-25T09:30:00Z","entrypoint":["sh"]}`)(w, r)
	}
	w := watch(t, d)
	if got := w.ask("POST", "/v1/sandboxes", `{}`).Header.Get("Location"); got != w.url+"/v1/sandboxes/1" {
		t.Errorf("the sandbox is at %s", got)
	}
}

func TestAnEndpointThatWasNotHandedOut(t *testing.T) {
	w := watch(t, deploy(t))
	for _, path := range []string{proxy.Own + "at/nothing/ping", proxy.Own + "at/", proxy.Own, proxy.Own + "other"} {
		res := w.ask("GET", path, "")
		var body struct{ Code, Message string }
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil || res.StatusCode != 404 || body.Code == "" || body.Message == "" {
			t.Errorf("%s is answered %d %+v, %v", path, res.StatusCode, body, err)
		}
	}
}

const (
	started  = `{"type":"init","text":"c1","timestamp":1764500000000}`
	line     = `{"type":"stdout","text":"hello","timestamp":1764500000001}`
	complete = `{"type":"execution_complete","execution_time":5,"timestamp":1764500000002}`
)

// streams begins the answer of a stream.
func streams(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(200)
}

// stream sends events, each as soon as the channel gives one; a closed channel ends it.
func stream(events <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		streams(w)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case event, more := <-events:
				switch {
				case !more:
					return
				case event == "cut":
					panic(http.ErrAbortHandler)
				}
				fmt.Fprintf(w, "data: %s\n\n", event)
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestAStreamPassesLiveAndIsJudged(t *testing.T) {
	d := deploy(t)
	events := make(chan string)
	d.handlers["POST /at/1/44772/command"] = stream(events)
	w := watch(t, d)
	body := bufio.NewReader(w.ask("POST", w.enter("44772")+"/command", `{"command":"echo hello","envs":{"A":"`+value+`"}}`).Body)
	for _, event := range []string{started, line, complete} {
		events <- event // nothing more comes before this one has arrived
		if got, err := body.ReadString('\n'); err != nil || got != "data: "+event+"\n" {
			t.Fatalf("got %q, %v", got, err)
		}
		_, _ = body.ReadString('\n')
	}
	close(events)
	if _, err := body.ReadByte(); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
	found, client, r := w.findings()
	if len(found)+len(client) > 0 {
		t.Errorf("found %q and %q", found, client)
	}
	if r.Verdict != report.Inconclusive || outcome(r, "EX-STREAM-04") != report.Held || len(r.Seen.Events) != 3 {
		t.Errorf("verdict %s, order %s, events %v", r.Verdict, outcome(r, "EX-STREAM-04"), r.Seen.Events)
	}
}

func outcome(r *report.Report, id string) string {
	for _, row := range r.Requirements {
		if row.ID == id {
			return row.Outcome
		}
	}
	return ""
}

func TestFindingsOnTheDeploymentsSide(t *testing.T) {
	d := deploy(t)
	d.handlers["GET /v1/sandboxes/1"] = text(200, `{"id":"`+key+`"}`)
	d.handlers["GET /at/1/44772/metrics"] = text(418, `{"echo":"`+token+`"}`)
	w := watch(t, d)
	daemon := w.enter("44772")
	w.said("GET", "/v1/sandboxes/1", "")
	w.said("GET", "/v1/sandboxes/1", "")
	w.said("GET", daemon+"/metrics", "")
	found, client, r := w.findings()
	if len(client) > 0 || !has(found, "LC-GET-01 ") || !has(found, "EX-METRICS-01 the status 418 is not documented") {
		t.Errorf("found %q and %q", found, client)
	}
	if r.Verdict != report.Nonconformant || r.Findings[0].Count != 2 && r.Findings[1].Count != 2 {
		t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
	}
}

func TestFindingsOnTheClientsSide(t *testing.T) {
	d := deploy(t)
	d.handlers["POST /v1/sandboxes"] = text(400, `{"code":"BAD_REQUEST","message":"no"}`)
	d.handlers["POST /v1/metrics/events"] = text(204, "")
	w := watch(t, d)
	daemon := w.enter("44772")
	w.said("POST", "/v1/sandboxes", `{"image":{"uri":"x","auth":{"password":"`+value+`"}},"env":{"TOKEN":"`+value+`"},"timeout":"60"}`)
	w.said("POST", "/v1/metrics/events", `{"seen":"`+value+`"}`)
	w.said("GET", "/v1/sandboxes?colour=red", "")
	w.said("GET", daemon+"/files/download?path=", "")
	w.said("GET", daemon+"/files/download", "")
	res, err := http.Get(daemon + "/ping") //nolint:noctx // a client without the token
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	found, client, r := w.findings()
	for _, f := range found {
		if !strings.HasPrefix(f, "LC-LIST-01") && !strings.HasPrefix(f, "EX-") { // what the server says to it is another matter
			t.Errorf("found on the deployment's side: %s", f)
		}
	}
	for _, want := range []string{
		"POST /sandboxes the request at /timeout", "POST /v1/metrics/events the document has no such operation",
		`GET /sandboxes the operation has no query parameter "colour"`, "GET /files/download the query parameter path is missing",
		"GET /ping the header X-EXECD-ACCESS-TOKEN is missing",
	} {
		if !has(client, want) {
			t.Errorf("nothing of %q in %q", want, client)
		}
	}
	if r.Client.Requests != 7 {
		t.Errorf("%d requests judged", r.Client.Requests)
	}
}

func has(list []string, prefix string) bool {
	for _, item := range list {
		if strings.HasPrefix(item, prefix) {
			return true
		}
	}
	return false
}

func TestHowAStreamEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		ping int  // what the daemon says afterwards
		left bool // the client goes away
		want bool
	}{
		"broken off, the daemon is there": {200, false, true},
		"broken off, the sandbox is gone": {404, false, false},
		"the client goes away":            {200, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			events := make(chan string, 3)
			d.handlers["POST /at/1/44772/command"] = stream(events)
			d.handlers["GET /at/1/44772/ping"] = text(tc.ping, "")
			w := watch(t, d)
			daemon := w.enter("44772")
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			req, err := http.NewRequestWithContext(ctx, "POST", daemon+"/command", strings.NewReader(`{"command":"sleep 9"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-EXECD-ACCESS-TOKEN", token)
			req.Header.Set("Content-Type", "application/json")
			events <- started
			events <- line
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if tc.left {
				if _, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				leave()
			} else {
				events <- "cut"
				_, _ = io.ReadAll(res.Body)
			}
			if found, _, _ := w.findings(); has(found, "EX-STREAM-05") != tc.want || !tc.want && len(found) > 0 {
				t.Errorf("found %q", found)
			}
		})
	}
}

// What is carried is not kept: a long answer passes whole, and of a long stream only the beginning is judged.
func TestLongBodiesPassWhole(t *testing.T) {
	const size = 40 << 20
	d := deploy(t)
	d.handlers["GET /at/1/44772/files/download"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="big"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = io.CopyN(w, zeros{}, size)
	}
	const lines = 40_000
	d.handlers["POST /at/1/44772/command"] = func(w http.ResponseWriter, _ *http.Request) {
		streams(w)
		fmt.Fprintf(w, "data: %s\n\n", started)
		for range lines {
			fmt.Fprintf(w, "data: %s\n\n", line)
		}
		fmt.Fprintf(w, "data: %s\n\n", complete)
	}
	w := watch(t, d)
	daemon := w.enter("44772")
	if n, err := io.Copy(io.Discard, w.ask("GET", daemon+"/files/download?path=/big", "").Body); n != size || err != nil {
		t.Errorf("%d bytes came, %v", n, err)
	}
	said := w.said("POST", daemon+"/command", `{"command":"yes"}`)
	if got := strings.Count(said, "\n\n"); got != lines+2 || !strings.HasSuffix(said, complete+"\n\n") {
		t.Errorf("%d events came", got)
	}
	found, client, r := w.findings()
	if len(found)+len(client) > 0 {
		t.Errorf("found %q and %q", found, client)
	}
	for _, e := range r.Seen.Events {
		if e.Count > 20_000 {
			t.Errorf("%d events of type %s are kept", e.Count, e.Type)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestOtherPortsAreOnlyCarried(t *testing.T) {
	d := deploy(t)
	d.handlers["GET /at/1/8000/ping"] = func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		said, _ := rw.ReadString('\n')
		fmt.Fprint(rw, said)
		_ = rw.Flush()
	}
	w := watch(t, d)
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.enter("8000")+"/ping", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	conn, ok := res.Body.(io.ReadWriter)
	if !ok {
		t.Fatalf("the answer is %s", res.Status)
	}
	fmt.Fprintln(conn, "hello")
	if said, err := bufio.NewReader(conn).ReadString('\n'); said != "hello\n" {
		t.Errorf("the service says %q, %v", said, err)
	}
	conn.(io.Closer).Close()
	if _, client, r := w.findings(); r.Client.Requests != 1 || len(client) > 0 {
		t.Errorf("%d requests judged, %q", r.Client.Requests, client)
	}
}

func TestTheReportOnRequest(t *testing.T) {
	w := watch(t, deploy(t))
	w.said("GET", "/v1/sandboxes/1", "")
	for form, want := range map[string]string{
		"report.json": `"verdict": "inconclusive"`, "report.html": "<!doctype html>", "report.md": "## OpenSandbox",
		"report.txt": "1 requests of clients judged", "junit.xml": "<testsuites",
	} {
		if got := w.said("GET", proxy.Own+form, ""); !strings.Contains(got, want) {
			t.Errorf("%s does not hold %q", form, want)
		}
	}
	if got := w.ask("POST", proxy.Own+"report.json", "").StatusCode; got != 405 {
		t.Errorf("POST is answered %d", got)
	}
}

func TestADeploymentThatDoesNotAnswer(t *testing.T) {
	d := deploy(t)
	d.Close()
	w := watch(t, d)
	res := w.ask("GET", "/v1/sandboxes", "")
	if said, _ := io.ReadAll(res.Body); res.StatusCode != 502 || !strings.Contains(string(said), `"message"`) {
		t.Errorf("answered %d %s", res.StatusCode, said)
	}
	if found, _, r := w.findings(); len(found) > 0 || r.Reason != "no traffic was judged" {
		t.Errorf("found %q: %s", found, r.Reason)
	}
}

func TestNewRefusesWhatItCanNotWatch(t *testing.T) {
	for _, upstream := range []string{"", "http:///v1", "http://me:secret@host/v1", "http://host" + proxy.Own + "v1"} {
		u, err := url.Parse(upstream)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proxy.New(proxy.Config{Upstream: u}); err == nil {
			t.Errorf("%q is taken", upstream)
		}
	}
}
