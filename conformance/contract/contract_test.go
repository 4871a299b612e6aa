package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

const requestID = "0f8fad5b-d9cb-469f-a165-70867728950e"

// answer makes an exchange with a good answer to change.
func answer(t *testing.T, operation string, status int, body string) *exchange.Exchange {
	t.Helper()
	doc, err := spec.Lifecycle()
	if err != nil {
		t.Fatal(err)
	}
	op := doc.Operation(operation)
	if op == nil {
		if doc, err = spec.Execd(); err != nil {
			t.Fatal(err)
		}
		op = doc.Operation(operation)
	}
	x := &exchange.Exchange{
		Document: doc, Operation: op, Method: op.Method, URL: "http://x" + op.Path, Proto: "HTTP/1.1", Status: status,
		Header:        http.Header{"X-Request-Id": {requestID}, "Location": {"/v1/sandboxes/1"}},
		ContentLength: int64(len(body)), Body: []byte(body), BodySize: int64(len(body)),
	}
	if body != "" {
		x.Header.Set("Content-Type", "application/json")
	}
	return x
}

const created = `{"id":"1","status":{"state":"Pending"},"createdAt":"2026-11-25T09:30:00Z","entrypoint":["sh"]}`

func TestJudge(t *testing.T) {
	good := `{"code":"A::B","message":"m"}`
	for name, tc := range map[string]struct {
		operation string
		status    int
		body      string
		change    func(*exchange.Exchange)
		want      string // level and a part of the message; empty: no breach
	}{
		"good create":             {"createSandbox", 202, created, nil, ""},
		"good error":              {"createSandbox", 400, good, nil, ""},
		"unknown property":        {"createSandbox", 202, created[:1] + `"zone":1,` + created[1:], nil, ""},
		"charset in content type": {"createSandbox", 202, created, func(x *exchange.Exchange) { x.Header.Set("Content-Type", "application/json; charset=utf-8") }, ""},
		"common response":         {"createSandbox", 503, good, func(x *exchange.Exchange) { x.Header.Set("Retry-After", "1") }, ""},
		"good delete":             {"deleteSandbox", 204, "", nil, ""},
		"leap second":             {"createSandbox", 202, strings.Replace(created, "09:30:00", "23:59:60", 1), nil, ""},

		"undocumented status":       {"createSandbox", 201, created, nil, "MUST the status 201"},
		"missing field":             {"createSandbox", 202, strings.Replace(created, `"id":"1",`, "", 1), nil, `MUST the body`},
		"wrong type":                {"createSandbox", 202, strings.Replace(created, `["sh"]`, `"sh"`, 1), nil, "MUST the body at /entrypoint"},
		"null for absent":           {"createSandbox", 202, created[:1] + `"expiresAt":null,` + created[1:], nil, "MUST the body at /expiresAt"},
		"a date that is none":       {"createSandbox", 202, strings.Replace(created, "11-25", "02-31", 1), nil, "MUST the body at /createdAt"},
		"a date without zone":       {"createSandbox", 202, strings.Replace(created, "00Z", "00", 1), nil, "MUST the body at /createdAt"},
		"no JSON":                   {"createSandbox", 202, "accepted", nil, "MUST the body is not one JSON value"},
		"two values":                {"createSandbox", 202, created + "{}", nil, "MUST the body is not one JSON value: there is more"},
		"cut off":                   {"createSandbox", 202, created[:40], nil, "MUST the body is not one JSON value: it is cut off"},
		"not UTF-8":                 {"createSandbox", 202, strings.Replace(created, "sh", "\xff", 1), nil, "MUST the body is not one JSON value: it is not UTF-8"},
		"wrong content type":        {"createSandbox", 202, created, func(x *exchange.Exchange) { x.Header.Set("Content-Type", "text/html") }, "MUST the content type"},
		"empty error":               {"createSandbox", 400, "", nil, "MUST the content type"},
		"closed schema":             {"getSandboxEndpoint", 200, `{"endpoint":"a","port":1}`, nil, "MUST the body"},
		"login in the answer":       {"getSandbox", 200, `{"id":"1","image":{"uri":"x","auth":{}},"status":{"state":"Running"},"createdAt":"2026-11-25T09:30:00Z","entrypoint":["sh"]}`, nil, "MUST the body at /image"},
		"a body where none is":      {"pauseSandbox", 202, "{}", nil, "MUST a body came with 202"},
		"a name twice":              {"createSandbox", 202, created[:1] + `"id":"2",` + created[1:], nil, "SHOULD the name"},
		"code in lower case":        {"createSandbox", 400, `{"code":"bad","message":"m"}`, nil, "SHOULD the body at /code"},
		"no request id":             {"deleteSandbox", 204, "", func(x *exchange.Exchange) { x.Header.Del("X-Request-Id") }, "SHOULD the header X-Request-ID is missing"},
		"a request id of braces":    {"deleteSandbox", 204, "", func(x *exchange.Exchange) { x.Header.Set("X-Request-Id", "{"+requestID+"}") }, "SHOULD the header X-Request-ID"},
		"no Location":               {"createSandbox", 202, created, func(x *exchange.Exchange) { x.Header.Del("Location") }, "SHOULD the header Location"},
		"429 without Retry-After":   {"createSandbox", 429, good, nil, "SHOULD the header Retry-After"},
		"401 of execd, no body":     {"ping", 401, "", nil, "SHOULD the 401 answer has no body"},
		"401 of execd, plain text":  {"ping", 401, "Unauthorized", func(x *exchange.Exchange) { x.Header.Set("Content-Type", "text/plain") }, "SHOULD the content type"},
		"replace, not verbose":      {"replaceContent", 200, "", nil, ""},
		"an unknown path, no id":    {"createSandbox", 404, good, func(x *exchange.Exchange) { x.Operation = nil; x.Header.Del("X-Request-Id") }, "SHOULD the header X-Request-ID"},
		"an error of another form":  {"createSandbox", 400, `{"detail":"no"}`, nil, "MUST the body: property"},
		"logs without their header": {"getCommandLogs", 200, "x", func(x *exchange.Exchange) { x.Header.Set("Content-Type", "text/plain") }, "MUST the header EXECD-COMMANDS-TAIL-CURSOR is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			x := answer(t, tc.operation, tc.status, tc.body)
			if tc.change != nil {
				tc.change(x)
			}
			breaches := contract.Judge(x)
			if tc.want == "" {
				if len(breaches) > 0 {
					t.Errorf("want none, got %+v", breaches)
				}
				return
			}
			if len(breaches) != 1 {
				t.Fatalf("want one breach, got %+v", breaches)
			}
			got := string(breaches[0].Level) + " " + breaches[0].Message
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if !strings.Contains(breaches[0].Spec, ".y") || breaches[0].Expected == "" || breaches[0].Actual == "" {
				t.Errorf("a breach proves itself with place, expected and actual: %+v", breaches[0])
			}
		})
	}
}

// How a request for no operation is refused is one question, with one answer.
func TestRefusal(t *testing.T) {
	for name, tc := range map[string]struct {
		contentType, body string
		want              string // a part of the message; empty: no breach
	}{
		"an error body":    {"application/json", `{"code":"A::B","message":"m"}`, ""},
		"a page":           {"text/plain", "404 page not found", "the content type"},
		"another form":     {"application/json", `{"detail":"Not Found"}`, `"detail" is unsupported; property "code" is missing; property "message" is missing`},
		"one thing beside": {"application/json", `{"code":"A","message":"m","path":"/x"}`, `"path" is unsupported`},
	} {
		t.Run(name, func(t *testing.T) {
			x := answer(t, "createSandbox", http.StatusNotFound, tc.body)
			x.Operation = nil
			x.Header.Set("Content-Type", tc.contentType)
			breaches := contract.Refusal(x)
			switch {
			case tc.want == "" && len(breaches) > 0:
				t.Errorf("want none, got %+v", breaches)
			case tc.want != "" && (len(breaches) != 1 || !strings.Contains(breaches[0].Message, tc.want) || breaches[0].Level != spec.Should):
				t.Errorf("want one SHOULD with %q, got %+v", tc.want, breaches)
			}
		})
	}
}

func TestDecodeJSONReadsOneValue(t *testing.T) {
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	for text, ok := range map[string]bool{
		`{"a":[1,2.5,"x",null,true]}`: true, ` 7 `: true, ``: false, `{`: false, `{} {}`: false, `{"a":1,}`: false, "\xff": false, deep: false,
	} {
		if _, _, err := contract.DecodeJSON([]byte(text)); (err == nil) != ok {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		value, _, err := contract.DecodeJSON(data)
		if err != nil && value != nil {
			t.Errorf("a value and an error: %v, %v", value, err)
		}
	})
}
