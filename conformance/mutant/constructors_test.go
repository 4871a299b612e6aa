package mutant_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

var (
	get     = mutant.Op("GET", "/items/{id}")
	stop    = mutant.Op("POST", "/items/{id}/stop")
	remove  = mutant.Op("DELETE", "/items/{id}")
	stream  = mutant.Op("POST", "/run")
	anyPost = mutant.Path("POST", regexp.MustCompile(`^/v1/`))
)

// A want is what one fault makes of one answer. The zero values of status,
// body and header say "as before".
type want struct {
	name   string
	fault  mutant.Fault
	method string // GET by default
	target string // /v1/items/7 by default
	status int
	body   string
	header http.Header // nil value: must not be there
	length int64       // -1: chunked; compared if not 0
	empty  bool
	cut    bool // the connection ends inside the body
}

func TestFaultsOfAnswers(t *testing.T) {
	edited := func(from, to string) string { return strings.Replace(sorted(item), from, to, 1) }
	for _, w := range []want{
		{name: "status", fault: mutant.Status(get, 200, 203), status: 203},
		{name: "status of an error", fault: mutant.Status(get, 404, 400), target: "/v1/items/8", status: 400},
		{name: "status, whatever it is", fault: mutant.Status(mutant.Op("GET", "/items/8").Always(), 0, 500), target: "/v1/items/8", status: 500},
		{name: "status 204 has no body", fault: mutant.Status(get, 200, 204), status: 204, empty: true},
		{name: "status 200 for 204", fault: mutant.Status(remove, 204, 200), method: "DELETE", status: 200, empty: true, header: http.Header{"Content-Length": {"0"}}},
		{name: "answer", fault: mutant.Answer(remove, 501, map[string]any{"code": "X"}), method: "DELETE", status: 501, body: `{"code":"X"}`, header: http.Header{"Content-Type": {"application/json"}}},
		{name: "answer, empty", fault: mutant.Answer(mutant.Op("GET", "/items/7"), 202, nil), status: 202, empty: true, header: http.Header{"Content-Length": {"0"}, "Content-Type": nil}},
		{name: "header", fault: mutant.SetHeader(get, "X-Request-ID", "no uuid"), header: http.Header{"X-Request-Id": {"no uuid"}}},
		{name: "no header", fault: mutant.DropHeader(get, "X-Request-ID"), header: http.Header{"X-Request-Id": nil}},
		{name: "no content type", fault: mutant.DropHeader(get, "Content-Type"), header: http.Header{"Content-Type": nil}},
		{name: "content type", fault: mutant.ContentType(stream, "text/plain"), method: "POST", target: "/v1/run", header: http.Header{"Content-Type": {"text/plain"}}},
		{name: "chunked", fault: mutant.Chunked(get), length: -1},
		{name: "chunked, empty", fault: mutant.Chunked(stop), method: "POST", target: "/v1/items/7/stop", length: -1},
		{name: "no body", fault: mutant.EmptyBody(get), empty: true, header: http.Header{"Content-Length": {"0"}}},
		{name: "text behind", fault: mutant.AppendText(get, "x"), body: item + "x"},
		{name: "cut", fault: mutant.CutBody(get, 10), body: item[:10], cut: true},
		{name: "trickled", fault: mutant.Trickle(get, 3), body: item},
		{name: "a body", fault: mutant.Body(get, "half of it", func(b []byte) []byte { return b[:5] }), body: item[:5]},
		{name: "a property less", fault: mutant.DropField(get, "id"), body: edited(`"id":"7",`, "")},
		{name: "a property less, deep", fault: mutant.DropField(get, "status.state"), body: edited(`"state":"ok"`, "")},
		{name: "a property less, in all items", fault: mutant.DropField(get, "items.*.a"), body: edited(`[{"a":1,"b":2},{"a":3,"b":null}]`, `[{"b":2},{"b":null}]`)},
		{name: "no properties", fault: mutant.DropField(get, "*"), body: `{}`},
		{name: "another type", fault: mutant.SetField(get, "id", 7), body: edited(`"7"`, "7")},
		{name: "null", fault: mutant.SetField(get, "status", nil), body: edited(`{"state":"ok"}`, "null")},
		{name: "a property more", fault: mutant.SetField(get, "z", "<&>"), body: edited(`"ok"}}`, `"ok"},"z":"<&>"}`)},
		{name: "a line separator", fault: mutant.SetField(get, "z", "\u0085\u2028"), body: edited(`"ok"}}`, `"ok"},"z":"\u0085\u2028"}`)},
		{name: "a value", fault: mutant.ChangeField(get, "items.*.a", "as text", func(v any) any { return v.(json.Number).String() }), body: edited(`[{"a":1,"b":2},{"a":3,"b":null}]`, `[{"a":"1","b":2},{"a":"3","b":null}]`)},
		{name: "an object", fault: mutant.JSONBody(get, "without all but id", func(o map[string]any) { delete(o, "n"); delete(o, "status"); delete(o, "items") }), body: `{"id":"7"}`},
		{name: "a value that is none", fault: mutant.JSON(get, "an array", func(v any) any { return []any{v} }), body: `[` + sorted(item) + `]`},
		{name: "an error body", fault: mutant.DropField(get.On(404), "message"), target: "/v1/items/8", body: `{"code":"NOT_FOUND"}`},
		{name: "error bodies", fault: mutant.EmptyBody(get.Errors()), target: "/v1/items/8", empty: true},
		{name: "key order", fault: mutant.ReorderKeys(get), body: `{"status":{"state":"ok"},"n":12345678901234567890,"items":[{"b":2,"a":1},{"b":null,"a":3}],"id":"7"}`},
		{name: "by path pattern", fault: mutant.Status(anyPost, 202, 200), method: "POST", target: "/v1/items/7/stop", status: 200},
	} {
		t.Run(w.name, func(t *testing.T) { w.check(t) })
	}
}

func sorted(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return text
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func TestFaultsOfStreams(t *testing.T) {
	comment := ": alive\n\n"
	ping := map[string]any{"type": "ping"}
	x := func(o map[string]any) { o["text"] = "x" }
	for _, w := range []want{
		{name: "drop", fault: mutant.DropEvent(stream, "execution_complete"), body: events(started) + comment + events(line, another)},
		{name: "drop all", fault: mutant.DropEvent(stream, "*"), body: comment},
		{name: "change", fault: mutant.ChangeEvent(stream, "stdout", "x", x), body: events(started) + comment + events(`{"text":"x","type":"stdout"}`, `{"text":"x","type":"stdout"}`, ended)},
		{name: "a property less", fault: mutant.DropEventField(stream, "init", "text"), body: events(`{"type":"init"}`) + comment + events(line, another, ended)},
		{name: "a property more", fault: mutant.SetEventField(stream, "init", "text", nil), body: events(`{"text":null,"type":"init"}`) + comment + events(line, another, ended)},
		{name: "no JSON", fault: mutant.EditData(stream, "init", "cut", func(b []byte) []byte { return b[:5] }), body: events(started[:5]) + comment + events(line, another, ended)},
		{name: "twice", fault: mutant.DuplicateEvent(stream, "init"), body: events(started, started) + comment + events(line, another, ended)},
		{name: "swap", fault: mutant.SwapOrder(stream, "init", "stdout"), body: comment + events(line, started, another, ended)},
		{name: "before", fault: mutant.InjectBefore(stream, "init", ping), body: events(`{"type":"ping"}`, started) + comment + events(line, another, ended)},
		{name: "after", fault: mutant.InjectAfter(stream, "init", ping), body: events(started, `{"type":"ping"}`) + comment + events(line, another, ended)},
		{name: "after the end", fault: mutant.InjectAfterEnd(stream, ping), body: whole + events(`{"type":"ping"}`)},
		{name: "text", fault: mutant.AppendText(stream, "Oops"), body: whole + "Oops"},
		{name: "held back", fault: mutant.Buffered(stream), body: whole},
		{name: "late", fault: mutant.HoldEvent(stream, "init", time.Millisecond), body: whole},
		{name: "late end", fault: mutant.HoldEnd(stream, time.Millisecond), body: whole},
		{name: "cut", fault: mutant.Truncate(stream, "execution_complete"), body: events(started) + comment + events(line, another), cut: true},
		{name: "ends", fault: mutant.EndBefore(stream, "stdout"), body: events(started) + comment},
		{name: "bare", fault: mutant.BareFraming(stream), body: started + "\n\n" + comment + line + "\n\n" + another + "\n\n" + ended + "\n\n"},
		{name: "no last blank line", fault: mutant.NoBlankLine(stream, "execution_complete"), body: strings.TrimSuffix(whole, "\n")},
		{name: "no blank lines", fault: mutant.NoBlankLine(stream, "*"), body: "data: " + started + "\n" + comment + "data: " + line + "\ndata: " + another + "\ndata: " + ended + "\n"},
		{name: "several lines", fault: mutant.MultiLineData(stream.Where(func(*http.Request) bool { return true })), body: strings.NewReplacer(`{`, "{\ndata:  ", `,`, ",\ndata:  ", `}`, "\ndata: }", `":`, `": `).Replace(whole)},
		{name: "another field", fault: mutant.ExtraField(stream, "event: x"), body: strings.ReplaceAll(whole, "data:", "event: x\ndata:")},
		{name: "comments", fault: mutant.Comments(stream, "c"), body: strings.ReplaceAll(whole, "data:", ": c\n\ndata:")},
		{name: "no comments", fault: mutant.DropComments(stream), body: events(started, line, another, ended)},
		{name: "line ends", fault: mutant.LineEnds(stream, "\r"), body: strings.ReplaceAll(whole, "\n", "\r")},
		{name: "trickled", fault: mutant.Trickle(stream, 1), body: whole},
	} {
		w.method, w.target = "POST", "/v1/run"
		t.Run(w.name, func(t *testing.T) { w.check(t) })
	}
}

// check asks every operation, and wants the one answer changed and no other.
func (w want) check(t *testing.T) {
	if w.method == "" {
		w.method = "GET"
	}
	if w.target == "" {
		w.target = "/v1/items/7"
	}
	srv, p := before(t, deployment, w.fault)
	plain, _ := before(t, deployment, mutant.Fault{})
	for _, op := range all {
		if op.method == w.method && op.target == w.target {
			continue
		}
		got, expected := ask(t, srv, op.method, op.target, ""), ask(t, plain, op.method, op.target, "")
		if got.status != expected.status || got.body != expected.body || got.length != expected.length {
			t.Errorf("%s %s changed too: %+v", op.method, op.target, got)
		}
	}
	if p.Acted() {
		t.Error("acted on another answer")
	}
	expected := ask(t, plain, w.method, w.target, "")
	if w.status != 0 {
		expected.status = w.status
	}
	if w.body != "" || w.empty {
		expected.body = w.body
	}
	got := ask(t, srv, w.method, w.target, "")
	if got.status != expected.status || got.body != expected.body {
		t.Errorf("got %d %q\nwant %d %q", got.status, got.body, expected.status, expected.body)
	}
	for k, v := range w.header {
		if strings.Join(got.header[k], "|") != strings.Join(v, "|") || (v == nil) != (got.header[k] == nil) {
			t.Errorf("header %s: %q, want %q", k, got.header[k], v)
		}
	}
	if w.length != 0 && got.length != w.length {
		t.Errorf("length %d, want %d", got.length, w.length)
	}
	if w.cut != errors.Is(got.err, io.ErrUnexpectedEOF) || !w.cut && got.err != nil {
		t.Errorf("the body's end: %v", got.err)
	}
	if !p.Acted() {
		t.Error("did not say that it acted")
	}
	if w.fault.Name == "" || !strings.HasPrefix(w.fault.Name, w.fault.Match.String()+": ") {
		t.Errorf("name %q", w.fault.Name)
	}
}

func TestAFaultThatFindsNothingToChangeDoesNotAct(t *testing.T) {
	for _, f := range []mutant.Fault{
		mutant.Status(get, 201, 200), mutant.Status(get, 200, 200), mutant.SetHeader(get, "X-Request-ID", "r1"), mutant.DropHeader(get, "X-None"),
		mutant.DropField(get, "none"), mutant.DropField(get, "id.deeper"), mutant.SetField(get, "none.deeper", 1), mutant.DropField(stop, "id"),
		mutant.EmptyBody(stop), mutant.CutBody(get, 1000), mutant.CutBody(get, int64(len(item))), mutant.Chunked(remove),
		mutant.DropEvent(stream, "result"), mutant.DropEvent(get, "*"), mutant.DropComments(get), mutant.SwapOrder(stream, "stdout", "init"),
		mutant.ChangeEvent(stream, "init", "as it is", func(map[string]any) {}), mutant.Truncate(stream, "error"),
		mutant.LineEnds(stream, "\n"), mutant.DropRequestHeader(get, "X-None"), mutant.DropQuery(get, "none"),
		mutant.Status(get.Skip(5), 200, 500), mutant.Status(get.WithHeader("X-Key", "k"), 200, 500),
	} {
		t.Run(f.Name, func(t *testing.T) {
			srv, p := before(t, deployment, f)
			for _, op := range all {
				ask(t, srv, op.method, op.target, "")
			}
			if p.Acted() {
				t.Errorf("acted %d times", p.Times())
			}
		})
	}
}

func TestFaultsOfRequests(t *testing.T) {
	echo := mutant.Op("PUT", "/echo")
	for _, tc := range []struct {
		name  string
		fault mutant.Fault
		want  []string
	}{
		{"a token for anyone", mutant.SetRequestHeader(echo, "X-Token", "right"), []string{`"X-Token":["right"]`, `"body":"{\"a\":1}"`}},
		{"a header is ignored", mutant.DropRequestHeader(echo, "X-Old"), []string{`!X-Old`}},
		{"a body", mutant.RewriteRequestBody(echo, "doubled", func(b []byte) []byte { return bytes.Repeat(b, 2) }), []string{`"body":"{\"a\":1}{\"a\":1}"`, `"length":14`, `"err":""`}},
		{"no body", mutant.RewriteRequestBody(echo, "lost", func([]byte) []byte { return nil }), []string{`"body":""`, `"length":0`}},
		{"a JSON body", mutant.RewriteRequestJSON(echo, "a is 2", func(o map[string]any) { o["a"] = 2 }), []string{`"body":"{\"a\":2}"`}},
		{"a query", mutant.RewriteQuery(echo, "q is 2", func(q url.Values) { q.Set("q", "2") }), []string{`"uri":"/v1/echo?p=1\u0026q=2"`}},
		{"a parameter is ignored", mutant.DropQuery(echo, "q"), []string{`"uri":"/v1/echo?p=1"`}},
		{"a path", mutant.Fault{Match: echo, Request: func(r *http.Request, act func()) error {
			act()
			r.URL.Path = "/v1/elsewhere"
			return nil
		}}, []string{`"uri":"/v1/elsewhere?p=1\u0026q=1"`}},
		{"by the body", mutant.SetRequestHeader(echo.WithBody(func(o map[string]any) bool { return o["a"] == 1.0 }), "X-Token", "right"), []string{`"X-Token":["right"]`, `"body":"{\"a\":1}"`}},
		{"by a header", mutant.SetRequestHeader(echo.WithHeader("X-Old", "o"), "X-Token", "right"), []string{`"X-Token":["right"]`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, p := before(t, deployment, tc.fault)
			if got := ask(t, srv, "PUT", "/v1/else?p=1&q=1", `{"a":1}`, "X-Old", "o"); !strings.Contains(got.body, `"X-Old":["o"]`) || p.Acted() {
				t.Errorf("another operation: %s, acted %v", got.body, p.Acted())
			}
			got := ask(t, srv, "PUT", "/v1/echo?p=1&q=1", `{"a":1}`, "X-Old", "o", "X-Token", "wrong")
			for _, w := range tc.want {
				if text, not := strings.CutPrefix(w, "!"); strings.Contains(got.body, text) == not {
					t.Errorf("want %s in %s", w, got.body)
				}
			}
			if p.Times() != 1 {
				t.Errorf("acted %d times", p.Times())
			}
		})
	}
}

func TestSkipLeavesTheFirstRequestsAlone(t *testing.T) {
	srv, p := before(t, deployment, mutant.Status(get.Skip(2), 200, 500))
	for i, status := range []int{200, 200, 500, 500} {
		if got := ask(t, srv, "GET", "/v1/items/7", ""); got.status != status {
			t.Errorf("request %d: %d, want %d", i, got.status, status)
		}
	}
	if p.Times() != 2 {
		t.Errorf("acted %d times", p.Times())
	}
}

func TestOperationsAreToldApart(t *testing.T) {
	for _, tc := range []struct {
		template, path string
		want           bool
	}{
		{"/items", "/items", true},
		{"/items", "/v1/items", true},
		{"/items", "/items/7", false},
		{"/items", "/v1/subitems", false},
		{"/items/{id}", "/v1/items/7", true},
		{"/items/{id}", "/v1/items/a%2Fb", true},
		{"/items/{id}", "/v1/items/7/stop", false},
		{"/items/{id}", "/v1/items/", false},
		{"/items/{id}/x.y", "/items/7/xzy", false},
		{"/files/info", "/sandboxes/7/port/44772/files/info", true},
	} {
		srv, p := before(t, deployment, mutant.Answer(mutant.Op("PUT", tc.template), 200, nil))
		ask(t, srv, "PUT", tc.path, "")
		ask(t, srv, "PATCH", tc.path, "")
		if p.Acted() != tc.want {
			t.Errorf("%s on %s: acted %v", tc.template, tc.path, p.Acted())
		}
	}
}
