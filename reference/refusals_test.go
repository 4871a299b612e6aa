package reference_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Every kind of bad request, on raw sockets. None of the answers is a
// framework's own text, apart from what net/http refuses before any handler.
func TestBadRequests(t *testing.T) {
	s := serve(t)
	known := s.create(minimal, "Running").ID
	before := s.do("GET", "/v1/sandboxes", "").body

	const withKey = "OPEN-SANDBOX-API-KEY: " + key + "\r\n"
	bare := func(method, target, headers string) string {
		return method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n"
	}
	create := func(body string) string {
		return bare("POST", "/v1/sandboxes", fmt.Sprintf("%sContent-Type: application/json\r\nContent-Length: %d\r\n", withKey, len(body))) + body
	}
	typed := func(contentType string) string {
		return bare("POST", "/v1/sandboxes", fmt.Sprintf("%sContent-Type: %s\r\nContent-Length: %d\r\n", withKey, contentType, len(minimal))) + minimal
	}
	replaced := func(old, new string) string {
		if !strings.Contains(minimal, old) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return create(strings.Replace(minimal, old, new, 1))
	}
	const unknown = "/v1/sandboxes/0b5e1c9e-2f0a-4c3b-9d58-8f1f6a7b2c3d"
	path := "/v1/sandboxes/" + known

	for _, c := range []struct {
		name, request string
		status        int
		code          string // "*": any; "": no ErrorResponse is asked for
	}{
		{"no key", bare("GET", "/v1/sandboxes", ""), 401, "UNAUTHORIZED"},
		{"wrong key", bare("GET", "/v1/sandboxes", "OPEN-SANDBOX-API-KEY: wrong\r\n"), 401, "UNAUTHORIZED"},
		{"empty key", bare("GET", "/v1/sandboxes", "OPEN-SANDBOX-API-KEY: \r\n"), 401, "UNAUTHORIZED"},
		{"key as bearer", bare("GET", "/v1/sandboxes", "Authorization: Bearer "+key+"\r\n"), 401, "UNAUTHORIZED"},
		{"no key, known sandbox", bare("GET", path, ""), 401, "UNAUTHORIZED"},
		{"no key, unknown sandbox", bare("DELETE", unknown, ""), 401, "UNAUTHORIZED"},
		{"no key, unknown path", bare("GET", "/v1/nowhere", ""), 401, "UNAUTHORIZED"},
		{"no key, bad query", bare("GET", "/v1/sandboxes?page=%zz", ""), 401, "UNAUTHORIZED"},
		{"no key, wrong method", bare("PUT", "/v1/sandboxes", ""), 401, "UNAUTHORIZED"},
		{"no key, bad body", bare("POST", "/v1/sandboxes", "Content-Length: 1\r\n") + "{", 401, "UNAUTHORIZED"},

		{"unknown path", bare("GET", "/v1/nowhere", withKey), 404, "NOT_FOUND"},
		{"the base path", bare("GET", "/v1", withKey), 404, "NOT_FOUND"},
		{"the base path, slash", bare("GET", "/v1/", withKey), 404, "NOT_FOUND"},
		{"outside the base path", bare("GET", "/nowhere", ""), 404, "NOT_FOUND"},
		{"root", bare("GET", "/", ""), 404, "NOT_FOUND"},
		{"operations at the root", bare("GET", "/sandboxes", withKey), 404, "NOT_FOUND"},
		{"like the base path", bare("GET", "/v1sandboxes", withKey), 404, "NOT_FOUND"},
		{"no id", bare("GET", "/v1/sandboxes/", withKey), 404, "NOT_FOUND"},
		{"under a sandbox", bare("GET", path+"/nowhere", withKey), 404, "NOT_FOUND"},
		{"double slash", bare("GET", "/v1//sandboxes", withKey), 404, "NOT_FOUND"},
		{"unknown sandbox", bare("GET", unknown, withKey), 404, "SANDBOX_NOT_FOUND"},
		{"unknown sandbox, delete", bare("DELETE", unknown, withKey), 404, "SANDBOX_NOT_FOUND"},
		{"unknown sandbox, pause", bare("POST", unknown+"/pause", withKey), 404, "SANDBOX_NOT_FOUND"},
		{"unknown sandbox, resume", bare("POST", unknown+"/resume", withKey), 404, "SANDBOX_NOT_FOUND"},
		{"unknown sandbox, endpoint", bare("GET", unknown+"/endpoints/80", withKey), 404, "SANDBOX_NOT_FOUND"},
		{"id with a slash", bare("GET", "/v1/sandboxes/a%2Fb", withKey), 404, "SANDBOX_NOT_FOUND"},
		{"id with dots", bare("GET", "/v1/sandboxes/..%2F..%2Fetc", withKey), 404, "SANDBOX_NOT_FOUND"},
		{"id with NUL", bare("GET", "/v1/sandboxes/a%00b", withKey), 400, "INVALID_PATH"},
		{"id not UTF-8", bare("GET", "/v1/sandboxes/%ff", withKey), 400, "INVALID_PATH"},
		{"bad escape in the path", bare("GET", "/v1/sandboxes/%zz", withKey), 400, ""},
		{"no Host", "GET /v1/sandboxes HTTP/1.1\r\n" + withKey + "\r\n", 400, ""},
		{"headers too large", bare("GET", "/v1/sandboxes", withKey+"X: "+strings.Repeat("x", 1<<21)+"\r\n"), 431, ""},

		{"wrong method", bare("PUT", "/v1/sandboxes", withKey), 405, "METHOD_NOT_ALLOWED"},
		{"wrong method on a sandbox", bare("POST", path, withKey+"Content-Length: 0\r\n"), 405, "METHOD_NOT_ALLOWED"},
		{"wrong method on pause", bare("GET", path+"/pause", withKey), 405, "METHOD_NOT_ALLOWED"},
		{"made-up method", bare("BREW", path, withKey), 405, "METHOD_NOT_ALLOWED"},
		{"reports", bare("GET", "/v1/metrics/events", ""), 405, "METHOD_NOT_ALLOWED"},

		{"page 0", bare("GET", "/v1/sandboxes?page=0", withKey), 400, "INVALID_PARAMETER"},
		{"page -1", bare("GET", "/v1/sandboxes?page=-1", withKey), 400, "INVALID_PARAMETER"},
		{"page not a number", bare("GET", "/v1/sandboxes?page=abc", withKey), 400, "INVALID_PARAMETER"},
		{"page enormous", bare("GET", "/v1/sandboxes?page=99999999999999999999", withKey), 400, "INVALID_PARAMETER"},
		{"pageSize 0", bare("GET", "/v1/sandboxes?pageSize=0", withKey), 400, "INVALID_PARAMETER"},
		{"pageSize abc", bare("GET", "/v1/sandboxes?pageSize=abc", withKey), 400, "INVALID_PARAMETER"},
		{"pageSize 201", bare("GET", "/v1/sandboxes?pageSize=201", withKey), 400, "INVALID_PAGE_SIZE"},
		{"bad escape in the query", bare("GET", "/v1/sandboxes?metadata=%zz", withKey), 400, "INVALID_QUERY"},
		{"semicolon in the query", bare("GET", "/v1/sandboxes?page=2;x", withKey), 400, "INVALID_QUERY"},
		{"query not UTF-8", bare("GET", "/v1/sandboxes?state=%ff", withKey), 400, "INVALID_QUERY"},
		{"query with NUL", bare("GET", "/v1/sandboxes?state=%00", withKey), 400, "INVALID_QUERY"},

		{"no body", bare("POST", "/v1/sandboxes", withKey+"Content-Length: 0\r\n"), 400, "*"},
		{"empty JSON body", create(""), 400, "INVALID_BODY"},
		{"no content type", bare("POST", "/v1/sandboxes", fmt.Sprintf("%sContent-Length: %d\r\n", withKey, len(minimal))) + minimal, 400, "*"},
		{"text/plain", typed("text/plain"), 400, "INVALID_CONTENT_TYPE"},
		{"a form", typed("application/x-www-form-urlencoded"), 400, "INVALID_CONTENT_TYPE"},
		{"multipart", typed("multipart/form-data; boundary=x"), 400, "INVALID_CONTENT_TYPE"},
		{"broken content type", typed("application/"), 400, "*"},
		{"not JSON", create("hello"), 400, "INVALID_JSON"},
		{"half JSON", create(minimal[:20]), 400, "INVALID_JSON"},
		{"trailing text", create(minimal + "x"), 400, "INVALID_JSON"},
		{"two values", create(minimal + minimal), 400, "INVALID_JSON"},
		{"invalid UTF-8", replaced("debian", "deb\xffian"), 400, "INVALID_JSON"},
		{"very deep", create(strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)), 400, "INVALID_JSON"},
		{"very deep array", create(strings.Repeat("[", 100000)), 400, "INVALID_JSON"},
		{"byte order mark", create("\ufeff" + minimal), 400, "INVALID_JSON"},
		{"an array", create("[]"), 400, "INVALID_BODY"},
		{"null", create("null"), 400, "INVALID_BODY"},
		{"empty object", create("{}"), 400, "INVALID_BODY"},
		{"no image", replaced(`"image":{"uri":"debian:12"},`, ""), 400, "INVALID_BODY"},
		{"image null", replaced(`{"uri":"debian:12"}`, "null"), 400, "INVALID_BODY"},
		{"image a string", replaced(`{"uri":"debian:12"}`, `"debian:12"`), 400, "INVALID_BODY"},
		{"image closed", replaced(`"debian:12"`, `"debian:12","tag":"13"`), 400, "INVALID_BODY"},
		{"no uri", replaced(`"uri":"debian:12"`, ""), 400, "INVALID_BODY"},
		{"no entrypoint", replaced(`,"entrypoint":["sleep","infinity"]`, ""), 400, "INVALID_BODY"},
		{"empty entrypoint", replaced(`["sleep","infinity"]`, "[]"), 400, "INVALID_BODY"},
		{"entrypoint a string", replaced(`["sleep","infinity"]`, `"sleep"`), 400, "INVALID_BODY"},
		{"entrypoint of numbers", replaced(`["sleep","infinity"]`, `[1]`), 400, "INVALID_BODY"},
		{"no limits", replaced(`"resourceLimits":{},`, ""), 400, "INVALID_BODY"},
		{"a limit that is a number", replaced(`{},`, `{"cpu":1},`), 400, "INVALID_BODY"},
		{"a limit that can't be read", replaced(`{},`, `{"cpu":"lots"},`), 400, "INVALID_RESOURCE_LIMIT"},
		{"timeout a string", replaced("600", `"600"`), 400, "INVALID_BODY"},
		{"timeout 60.5", replaced("600", "60.5"), 400, "INVALID_BODY"},
		{"timeout 59", replaced("600", "59"), 400, "INVALID_BODY"},
		{"timeout enormous", replaced("600", "1e400"), 400, "INVALID_BODY"},
		{"timeout null", replaced("600", "null"), 400, "TIMEOUT_REQUIRED"},
		{"timeout too long", replaced("600", "86401"), 400, "INVALID_TIMEOUT"},
		{"metadata null value", replaced(`"timeout"`, `"metadata":{"a":null},"timeout"`), 400, "INVALID_BODY"},
		{"our label", replaced(`"timeout"`, `"metadata":{"opensandbox.io/a":"b"},"timeout"`), 400, "RESERVED_METADATA_KEY"},
		{"no label", replaced(`"timeout"`, `"metadata":{"a b":"c"},"timeout"`), 400, "INVALID_METADATA_KEY"},
		{"huge", create(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`), 413, "BODY_TOO_LARGE"},
		{"huge, and only said so", bare("POST", "/v1/sandboxes", withKey+"Content-Type: application/json\r\nContent-Length: 99999999999\r\n"), 413, "BODY_TOO_LARGE"},
		{"huge, in chunks", bare("POST", "/v1/sandboxes", withKey+"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "200000\r\n" + strings.Repeat(" ", 1<<21) + "\r\n", 413, "BODY_TOO_LARGE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			a := s.raw(c.request)
			if a.StatusCode != c.status || c.code != "" && a.code() != c.code && (c.code != "*" || a.code() == "") {
				t.Errorf("%d %.300s, want %d %s", a.StatusCode, a.body, c.status, c.code)
			}
			if c.status == 405 && a.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if len(a.body) > 700 {
				t.Errorf("the answer has %d bytes", len(a.body))
			}
			if c.code != "" && a.Header.Get("X-Request-ID") == "" {
				t.Error("no request id")
			}
		})
	}
	s.t = t
	if after := s.do("GET", "/v1/sandboxes", "").body; !bytes.Equal(before, after) {
		t.Errorf("the server is not as before:\n%s\n%s", before, after)
	}
}

func TestOddButGoodRequests(t *testing.T) {
	s := serve(t)
	for name, body := range map[string]string{
		"duplicate keys, the last one wins": strings.Replace(minimal, `"timeout":600`, `"timeout":1,"timeout":600`, 1),
		"space around":                      " \r\n\t" + minimal + "\n",
		"unknown fields":                    strings.Replace(minimal, `"timeout"`, `"secureAccess":false,"future":{"a":[1]},"timeout"`, 1),
		"empty maps":                        strings.Replace(minimal, `"timeout"`, `"env":{},"metadata":{},"extensions":{},"timeout"`, 1),
	} {
		if a := s.do("POST", "/v1/sandboxes", body); a.StatusCode != 202 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	chunked := fmt.Sprintf("POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nOPEN-SANDBOX-API-KEY: %s\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", key, len(minimal), minimal)
	if a := s.raw(chunked); a.StatusCode != 202 {
		t.Errorf("chunked: %d %s", a.StatusCode, a.body)
	}
	for name, request := range map[string]string{
		"report":                  "POST /v1/metrics/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwhat?",
		"report, nothing follows": "POST /v1/metrics/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	} {
		if a := s.raw(request); a.StatusCode != 204 || len(a.body) != 0 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func TestABodyCutOffHalfWay(t *testing.T) {
	s := serve(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nOPEN-SANDBOX-API-KEY: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", key, len(minimal), minimal[:30])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if a := s.read(conn); a.StatusCode != 400 || a.code() != "INVALID_BODY" {
		t.Errorf("%d %s, want 400", a.StatusCode, a.body)
	}
	if a := s.do("GET", "/v1/sandboxes", ""); !strings.Contains(string(a.body), `"totalItems":0`) {
		t.Errorf("something was made: %s", a.body)
	}
}

func TestAClientThatStopsReading(t *testing.T) {
	s := serve(t)
	for range 20 {
		s.create(minimal, "Running")
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Ask until nothing fits any more, and never read an answer.
	request := fmt.Sprintf("GET /v1/sandboxes?pageSize=200 HTTP/1.1\r\nHost: x\r\nOPEN-SANDBOX-API-KEY: %s\r\n\r\n", key)
	stuck := false
	for range 100_000 {
		_ = conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := io.WriteString(conn, request); err != nil {
			stuck = true
			break
		}
	}
	if !stuck {
		t.Error("the server reads on although nobody takes its answers")
	}
	// Others are served meanwhile.
	if a := s.do("GET", "/v1/sandboxes?pageSize=1", ""); a.StatusCode != 200 {
		t.Errorf("%d", a.StatusCode)
	}
}
