package execd_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestDuplicateKeysAndUnknownFieldsAreTaken(t *testing.T) {
	s := newServer(t, "")
	res, body := exchange(t, s, request("POST /command", `{"command":"echo first","unknown":{"a":[1]},"command":"echo last"}`, "Content-Type: application/json; charset=utf-8", "Connection: close"), false)
	if res.StatusCode != 200 || !strings.Contains(body, `"last"`) || strings.Contains(body, `"first"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestWithoutATokenAnyoneMayCall(t *testing.T) {
	s := newServer(t, "")
	for _, h := range []string{"X-Other: 1", "X-EXECD-ACCESS-TOKEN: anything"} {
		if res, _ := exchange(t, s, request("GET /ping", "", h), false); res.StatusCode != 200 || res.Header.Get("Content-Length") != "0" {
			t.Errorf("%s: %d %v", h, res.StatusCode, res.Header)
		}
	}
}

func TestFilesThereAndBack(t *testing.T) {
	s := newServer(t, token)
	path := filepath.Join(t.TempDir(), "sub", "f.txt")
	const key = "X-EXECD-ACCESS-TOKEN: " + token
	body := "--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\nContent-Type: application/json\r\n\r\n{\"path\":\"" + path + "\",\"mode\":640}\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\none\ntwo\n\r\n--b--\r\n"
	chunked := fmt.Sprintf("POST /files/upload HTTP/1.1\r\nHost: h\r\n%s\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", key, len(body), body)
	for _, send := range []string{request("POST /files/upload", body, key, "Content-Type: multipart/form-data; boundary=b"), chunked} {
		if res, body := exchange(t, s, send, false); res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != "0" {
			t.Errorf("upload: %d %q %v", res.StatusCode, body, res.Header)
		}
		if res, body := exchange(t, s, request("GET /files/info?path="+path, "", key), false); res.StatusCode != 200 || !strings.Contains(body, `"mode":640`) || !strings.Contains(body, `"type":"file"`) {
			t.Errorf("info: %d %s", res.StatusCode, body)
		}
		if res, body := exchange(t, s, request("GET /files/download?path="+path, "", key), false); res.StatusCode != 200 || body != "one\ntwo\n" {
			t.Errorf("download: %d %q", res.StatusCode, body)
		}
		if res, body := exchange(t, s, request("GET /files/download?path="+path, "", key, "Range: bytes=-4"), false); res.StatusCode != 206 || body != "two\n" {
			t.Errorf("range: %d %q", res.StatusCode, body)
		}
		if res, body := exchange(t, s, request("GET /files/download?offset=2&path="+path, "", key), false); res.StatusCode != 200 || body != "two" {
			t.Errorf("lines: %d %q", res.StatusCode, body)
		}
	}
}
