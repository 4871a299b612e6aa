package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// What a person does in a sandbox of an ordinary image.
func TestWorkInAnOrdinaryImage(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	d := enter(t, dockertest.Debian, []string{"tail", "-f", "/dev/null"})
	for language, code := range map[string][2]string{
		"python":     {"x = 40", "print(x + 2)"},
		"javascript": {"let x = 40", "console.log(x + 2)"},
		"bash":       {"x=40", "echo $((x + 2))"},
	} {
		var made struct{ ID string }
		d.json(t, http.MethodPost, "/code/context", map[string]any{"language": language}, &made)
		where := map[string]any{"id": made.ID, "language": language}
		d.json(t, http.MethodPost, "/code", map[string]any{"code": code[0], "context": where}, nil)
		if said := d.json(t, http.MethodPost, "/code", map[string]any{"code": code[1], "context": where}, nil); !strings.Contains(said, `"text":"42"`) {
			t.Errorf("%s said %s", language, said)
		}
	}
	d.upload(t, "/data/in/hello.txt", "hello, world\n")
	if said := d.json(t, http.MethodPost, "/command", map[string]any{"command": "tr a-z A-Z < hello.txt > loud.txt; ls", "cwd": "/data/in"}, nil); !strings.Contains(said, `"text":"loud.txt"`) {
		t.Errorf("ls said %s", said)
	}
	if got := d.get(t, "/files/download?path=/data/in/loud.txt"); got != "HELLO, WORLD\n" {
		t.Errorf("the file holds %q", got)
	}
	said := d.json(t, http.MethodPost, "/command", map[string]any{"command": "echo begun; sleep 0.2; echo done", "background": true}, nil)
	_, id, _ := strings.Cut(said, `"type":"init"`)
	_, id, _ = strings.Cut(id, `"text":"`)
	id, _, _ = strings.Cut(id, `"`)
	eventually(t, func() error {
		if logs := d.get(t, "/command/"+id+"/logs"); logs != "begun\ndone\n" {
			return fmt.Errorf("the logs are %q", logs)
		}
		return nil
	})
	if m := d.get(t, "/metrics"); !strings.Contains(m, `"mem_total_mib":512`) {
		t.Errorf("the metrics are %s", m)
	}
}

// What can work in an image that holds nothing but one static program, and how the rest is refused.
func TestWorkInAnEmptyImage(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	d := enter(t, dockertest.Scratch, []string{"/wait"})
	d.upload(t, "/data/hello.txt", "hello\n")
	if got := d.get(t, "/files/download?path=/data/hello.txt"); got != "hello\n" {
		t.Errorf("the file holds %q", got)
	}
	if got := d.get(t, "/files/search?path=/data&pattern=*.txt"); !strings.Contains(got, "/data/hello.txt") {
		t.Errorf("search finds %s", got)
	}
	d.json(t, http.MethodPost, "/files/replace", map[string]any{"/data/hello.txt": map[string]any{"old": "hello", "new": "good bye"}}, nil)
	if got := d.get(t, "/files/download?path=/data/hello.txt"); got != "good bye\n" {
		t.Errorf("the file holds %q", got)
	}
	if m := d.get(t, "/metrics"); !strings.Contains(m, `"mem_total_mib":512`) {
		t.Errorf("the metrics are %s", m)
	}
	for path, body := range map[string]map[string]any{
		"/command":      {"command": "true"},
		"/session":      {},
		"/code/context": {"language": "python"},
		"/code":         {"code": "1", "context": map[string]any{"language": "bash"}},
	} {
		status, said := d.send(t, http.MethodPost, path, body)
		if status != http.StatusBadRequest || !strings.Contains(said, `"message"`) {
			t.Errorf("%s is answered %d %s; want 400 with a message", path, status, said)
		}
	}
}

// daemon is execd in a sandbox, reached as clients do.
type daemon struct {
	base    string
	headers map[string]string
}

// enter makes a sandbox and waits until its daemon answers.
func enter(t *testing.T, image string, entrypoint []string) *daemon {
	t.Helper()
	server := &daemon{base: "http://" + serve(t, filepath.Join(t.TempDir(), "state")) + "/v1", headers: map[string]string{"OPEN-SANDBOX-API-KEY": key}}
	var made struct{ ID string }
	server.json(t, http.MethodPost, "/sandboxes", map[string]any{
		"image": map[string]any{"uri": image}, "timeout": 300, "entrypoint": entrypoint,
		"resourceLimits": map[string]any{"cpu": "1", "memory": "512Mi"},
	}, &made)
	t.Cleanup(func() { _, _ = server.send(t, http.MethodDelete, "/sandboxes/"+made.ID, nil) })
	var endpoint struct {
		Endpoint string
		Headers  map[string]string
	}
	server.json(t, http.MethodGet, "/sandboxes/"+made.ID+"/endpoints/44772", nil, &endpoint)
	d := &daemon{base: "http://" + endpoint.Endpoint, headers: endpoint.Headers}
	eventually(t, func() error { return d.answers(t) })
	return d
}

func (d *daemon) answers(t *testing.T) error {
	if status, said := d.send(t, http.MethodGet, "/ping", nil); status != http.StatusOK {
		return fmt.Errorf("ping is answered %d %s", status, said)
	}
	return nil
}

// eventually asks until nothing is wrong any more, as clients poll.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	late := time.After(60 * time.Second)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-late:
			t.Fatal(err)
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond): // there is no event to wait for
		}
	}
}

// json sends a request that must be answered with a success, and returns what was said.
func (d *daemon) json(t *testing.T, method, path string, body, into any) string {
	t.Helper()
	status, said := d.send(t, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s is answered %d %s", method, path, status, said)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(said), into); err != nil {
			t.Fatal(err)
		}
	}
	return said
}

func (d *daemon) get(t *testing.T, path string) string {
	t.Helper()
	return d.json(t, http.MethodGet, path, nil, nil)
}

func (d *daemon) send(t *testing.T, method, path string, body any) (int, string) {
	t.Helper()
	var data io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.NewReader(text)
	}
	return d.do(t, method, path, "application/json", data)
}

func (d *daemon) do(t *testing.T, method, path, contentType string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, d.base+path, body) //nolint:noctx // clean-ups outlive the test's context
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for name, value := range d.headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(said)
}

func (d *daemon) upload(t *testing.T, path, text string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	metadata, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="metadata"; filename="metadata"`}, "Content-Type": {"application/json"},
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(metadata, `{"path": %q}`, path)
	file, err := form.CreateFormFile("file", url.PathEscape(path))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, text)
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	if status, said := d.do(t, http.MethodPost, "/files/upload", form.FormDataContentType(), &body); status != http.StatusOK {
		t.Fatalf("the upload is answered %d %s", status, said)
	}
}
