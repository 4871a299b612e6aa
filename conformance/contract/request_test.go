package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

// request makes a good exchange of an operation, to change its request.
func request(t *testing.T, operation, target, body string) *exchange.Exchange {
	t.Helper()
	x := answer(t, operation, 200, "")
	x.URL = "http://x/v1" + target
	x.RequestHeader = http.Header{"Key": {"k"}}
	if body != "" {
		x.RequestBody = []byte(body)
		x.RequestHeader.Set("Content-Type", "application/json")
	}
	return x
}

func TestRequest(t *testing.T) {
	const create = `{"image":{"uri":"debian"},"timeout":60,"resourceLimits":{},"entrypoint":["sh"]}`
	for name, tc := range map[string]struct {
		operation, target, body string
		change                  func(*exchange.Exchange)
		want                    string // level and a part of the message; empty: no breach
	}{
		"good create":                  {"createSandbox", "/sandboxes", create, nil, ""},
		"unknown property":             {"createSandbox", "/sandboxes", create[:1] + `"zone":1,` + create[1:], nil, ""},
		"good list":                    {"listSandboxes", "/sandboxes?state=Running&state=Paused&page=2&metadata=a%3Db", "", nil, ""},
		"good port":                    {"getSandboxEndpoint", "/sandboxes/a%2Fb/endpoints/8000?use_server_proxy=false", "", nil, ""},
		"session without a body":       {"createSession", "/session", "", func(x *exchange.Exchange) { x.RequestHeader.Set("Content-Type", "application/json") }, ""},
		"good search":                  {"searchFiles", "/files/search?path=/&pattern=*.txt", "", nil, ""},
		"several paths":                {"getFilesInfo", "/files/info?path=/a&path=/b", "", nil, ""},
		"charset":                      {"createSandbox", "/sandboxes", create, func(x *exchange.Exchange) { x.RequestHeader.Set("Content-Type", "application/json; charset=utf-8") }, ""},
		"a body that was kept in part": {"createSandbox", "/sandboxes", create[:20], func(x *exchange.Exchange) { x.RequestCut = true }, ""},

		"no such operation":    {"createSandbox", "/diagnostics", "", func(x *exchange.Exchange) { x.Operation = nil }, "SHOULD the document has no such operation"},
		"no key":               {"listSandboxes", "/sandboxes", "", func(x *exchange.Exchange) { x.RequestHeader.Del("Key") }, "MUST the header Key is missing"},
		"no body":              {"createSandbox", "/sandboxes", "", nil, "MUST the request has no body"},
		"a body too many":      {"listSandboxes", "/sandboxes", "{}", nil, "SHOULD the request has a body"},
		"another content type": {"createSandbox", "/sandboxes", create, func(x *exchange.Exchange) { x.RequestHeader.Set("Content-Type", "text/plain") }, "MUST the content type"},
		"no JSON":              {"createSandbox", "/sandboxes", "{", nil, "MUST the request is not one JSON value"},
		"a name twice":         {"createSandbox", "/sandboxes", create[:1] + `"timeout":60,` + create[1:], nil, `SHOULD the name "timeout"`},
		"a field is missing":   {"createSandbox", "/sandboxes", strings.Replace(create, `"resourceLimits":{},`, "", 1), nil, "MUST the request"},
		"another type":         {"createSandbox", "/sandboxes", strings.Replace(create, "60", `"60"`, 1), nil, "MUST the request at /timeout"},
		"closed object":        {"renewSandboxExpiration", "/sandboxes/1/renew-expiration", `{"expiresAt":"2026-11-25T09:30:00Z","why":1}`, nil, "MUST the request"},
		"port out of range":    {"getSandboxEndpoint", "/sandboxes/1/endpoints/70000", "", nil, "MUST the path parameter port"},
		"page is no number":    {"listSandboxes", "/sandboxes?page=two", "", nil, "MUST the query parameter page"},
		"parameter is missing": {"downloadFile", "/files/download", "", nil, "MUST the query parameter path is missing"},
		"parameter twice":      {"listSandboxes", "/sandboxes?page=1&page=2", "", nil, "SHOULD the query parameter page is there more than once"},
		"unknown parameter":    {"listSandboxes", "/sandboxes?colour=red", "", nil, `SHOULD the operation has no query parameter "colour"`},
		"query is no query":    {"listSandboxes", "/sandboxes?page=%zz", "", nil, "MUST the query can't be parsed"},
	} {
		x := request(t, tc.operation, tc.target, tc.body)
		if tc.change != nil {
			tc.change(x)
		}
		check(t, name, contract.Request(x, []string{"Key"}), tc.want)
	}
}

func TestRequestOfAForm(t *testing.T) {
	const metadata = "--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\n\r\n{\"path\":\"/a\"}\r\n"
	const file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nanything\r\n"
	for name, tc := range map[string]struct {
		form, want string
		cut        bool
	}{
		"good":            {metadata + file + metadata + file + "--b--\r\n", "", false},
		"kept in part":    {metadata + file[:len(file)-6], "", true},
		"file first":      {file + metadata + "--b--\r\n", "MUST a part of the form is not the one", false},
		"file is missing": {metadata + "--b--\r\n", "MUST a part of the form is missing", false},
		"no path":         {strings.Replace(metadata, "path", "way", 1) + file + "--b--\r\n", "MUST the part metadata", false},
		"cut off":         {metadata + file[:len(file)-6], "MUST the form is not whole", false},
	} {
		x := request(t, "uploadFile", "/files/upload", tc.form)
		x.RequestHeader.Set("Content-Type", "multipart/form-data; boundary=b")
		x.RequestCut = tc.cut
		check(t, name, contract.Request(x, nil), tc.want)
	}
}

func check(t *testing.T, name string, breaches []contract.Breach, want string) {
	t.Helper()
	if want == "" {
		if len(breaches) > 0 {
			t.Errorf("%s: %+v", name, breaches)
		}
		return
	}
	if len(breaches) != 1 || !strings.HasPrefix(string(breaches[0].Level)+" "+breaches[0].Message, want) || breaches[0].Spec == "" {
		t.Errorf("%s: got %+v, want one of %q, with its place", name, breaches, want)
	}
}
