package execd_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestSessionsOverHTTP(t *testing.T) {
	s := newServer(t, "")
	for name, send := range map[string]string{
		"no body":                   "POST /session HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"no body and no length":     "POST /session HTTP/1.1\r\nHost: h\r\n\r\n",
		"a type and an empty body":  "POST /session HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
		"a type and no length":      "POST /session HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\r\n",
		"an empty body, in chunks":  "POST /session HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an object with nothing":    request("POST /session", "{}", "Content-Type: application/json"),
		"a directory":               request("POST /session", `{"cwd":"/tmp"}`, "Content-Type: application/json"),
		"a field that nobody knows": request("POST /session", `{"other":1}`, "Content-Type: application/json"),
	} {
		res, body := exchange(t, s, send, false)
		var created struct {
			ID string `json:"session_id"`
		}
		if err := json.Unmarshal([]byte(body), &created); err != nil || res.StatusCode != 200 || created.ID == "" {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
			continue
		}
		id, events := run(t, s, "/session/"+created.ID+"/run", `{"command":"export A=1; pwd"}`)
		if id != created.ID || !strings.Contains(events, "execution_complete") || name == "a directory" && !strings.Contains(events, `"text":"/tmp"`) {
			t.Errorf("%s: %s", name, events)
		}
		if _, events := run(t, s, "/session/"+created.ID+"/run", `{"command":"echo A is $A; pwd; exit 3","cwd":"/usr","timeout":5000}`); !strings.Contains(events, `"text":"A is 1"`) || !strings.Contains(events, `"text":"/usr"`) || !strings.Contains(events, `"evalue":"3"`) {
			t.Errorf("%s: %s", name, events)
		}
		if res, body := call(t, s, http.MethodPost, "/session/"+created.ID+"/run", `{"command":"true","cwd":"/no/such"}`); res.StatusCode != 400 {
			t.Errorf("%s: a cwd that is not there: %d %s", name, res.StatusCode, body)
		}
		if res, body := call(t, s, http.MethodDelete, "/session/"+created.ID, ""); res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != "0" {
			t.Errorf("%s: delete: %d %s", name, res.StatusCode, body)
		}
		if res, _ := call(t, s, http.MethodDelete, "/session/"+created.ID, ""); res.StatusCode != 404 {
			t.Errorf("%s: delete again: %d", name, res.StatusCode)
		}
	}
}
