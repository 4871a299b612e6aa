package stream_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

const (
	initJSON = `{"type":"init","text":"x"}`
	outJSON  = `{"type":"stdout","text":"hi"}`
	endJSON  = `{"type":"execution_complete"}`
)

// A reading is what one body is expected to give.
type reading struct {
	name   string
	body   string
	opt    stream.Options
	data   []string // of each event
	types  []string // nil: not compared
	faults []stream.Kind
	// index of the event that the first fault names; 0 by default
	index    int
	comments int
	partial  string
	contains string // in the first fault's message or actual
}

func (r reading) check(t *testing.T, body io.Reader) {
	t.Helper()
	var called []stream.Event
	tr := r.opt.Read(t.Context(), body, func(e stream.Event) { called = append(called, e) })
	if tr.Err != nil {
		t.Errorf("err = %v", tr.Err)
	}
	if diff := cmp.Diff(tr.Events, called); diff != "" {
		t.Errorf("onEvent and Events differ: %s", diff)
	}
	var data []string
	for i, e := range tr.Events {
		data = append(data, string(e.Data))
		if e.Index != i {
			t.Errorf("event %d has index %d", i, e.Index)
		}
	}
	if diff := cmp.Diff(r.data, data); diff != "" {
		t.Errorf("data (-want +got): %s", diff)
	}
	if diff := cmp.Diff(r.types, tr.Types()); r.types != nil && diff != "" {
		t.Errorf("types (-want +got): %s", diff)
	}
	var kinds []stream.Kind
	for _, f := range tr.Faults {
		kinds = append(kinds, f.Kind)
	}
	if diff := cmp.Diff(r.faults, kinds); diff != "" {
		t.Errorf("faults (-want +got): %s\n%+v", diff, tr.Faults)
	}
	if len(tr.Faults) > 0 {
		f := tr.Faults[0]
		if f.Index != r.index {
			t.Errorf("fault names event %d, want %d", f.Index, r.index)
		}
		if !strings.Contains(f.Message+"\n"+f.Actual, r.contains) {
			t.Errorf("fault does not say %q: %+v", r.contains, f)
		}
	}
	if tr.Comments != r.comments {
		t.Errorf("comments = %d, want %d", tr.Comments, r.comments)
	}
	partial := ""
	if tr.Partial != nil {
		partial = string(tr.Partial.Data)
	}
	if partial != r.partial {
		t.Errorf("partial = %q, want %q", partial, r.partial)
	}
	if tr.Bytes != int64(len(r.body)) {
		t.Errorf("bytes = %d, want %d", tr.Bytes, len(r.body))
	}
}

func run(t *testing.T, readings []reading) {
	readers := map[string]func(io.Reader) io.Reader{
		"whole":       func(r io.Reader) io.Reader { return r },
		"byte":        iotest.OneByteReader,
		"half":        iotest.HalfReader,
		"data-at-eof": iotest.DataErrReader,
	}
	for _, r := range readings {
		t.Run(r.name, func(t *testing.T) {
			for name, wrap := range readers {
				t.Run(name, func(t *testing.T) { r.check(t, wrap(strings.NewReader(r.body))) })
			}
		})
	}
}

func TestStandardStreamsAreReadWithoutFault(t *testing.T) {
	run(t, []reading{
		{name: "nothing"},
		{name: "LF", body: "data: {}\n\ndata: {\"a\":1}\n\n", data: []string{"{}", `{"a":1}`}},
		{name: "CR", body: "data: {}\r\rdata: {}\r\r", data: []string{"{}", "{}"}},
		{name: "CRLF", body: "data: {}\r\n\r\ndata: {}\r\n\r\n", data: []string{"{}", "{}"}},
		{name: "mixed line ends", body: "data: {}\r\n\ndata: {}\n\rdata: {}\r\n\r", data: []string{"{}", "{}", "{}"}},
		{name: "byte order mark", body: "\uFEFFdata: {}\n\n", data: []string{"{}"}},
		{name: "byte order mark and a blank line", body: "\uFEFF\ndata: {}\n\n", data: []string{"{}"}},
		{name: "no space after the colon", body: "data:{}\n\n", data: []string{"{}"}},
		{name: "only one space is dropped", body: "data:  {}\n\n", data: []string{" {}"}},
		{name: "blank lines", body: "\n\n\ndata: {}\n\n\n\n", data: []string{"{}"}},
		{name: "comments", body: ": hi\n\ndata: {}\n:\n\n:ping\n", data: []string{"{}"}, comments: 3},
		{name: "comment between data and its blank line", body: "data: {}\n: x\n\n", data: []string{"{}"}, comments: 1},
		{name: "comment that is never ended", body: "data: {}\n\n: keep", data: []string{"{}"}},
		{name: "escaped separators", body: `data: {"a":"\u2028\u2029\u0085"}` + "\n\n", data: []string{`{"a":"\u2028\u2029\u0085"}`}},
		{name: "types", body: "data: " + initJSON + "\n\ndata: " + endJSON + "\n\n",
			data: []string{initJSON, endJSON}, types: []string{"init", "execution_complete"}},
		{name: "a type that is no string", body: "data: {\"type\":1}\n\n", data: []string{`{"type":1}`}, types: []string{""}},
		{name: "text outside ASCII", body: "data: {\"a\":\"é€😀\"}\n\n", data: []string{`{"a":"é€😀"}`}},
		{name: "colons in the text", body: "data: {\"a\":\"b:c\",\"d\":{\"e\":[{\"f\\\"\":1}]}}\n\n", data: []string{`{"a":"b:c","d":{"e":[{"f\"":1}]}}`}},
		{name: "an error page in an event's text", body: "data: {\"text\":\"<html>Internal Server Error\"}\n\n", data: []string{`{"text":"<html>Internal Server Error"}`}},
	})
}

func TestFaultsOfData(t *testing.T) {
	// WHATWG HTML §9.2.6, third example: empty data lines do dispatch events.
	run(t, []reading{
		{name: "the standard's example of empty data", body: "data\n\ndata\ndata\n\ndata:", data: []string{"", "\n"},
			faults: []stream.Kind{stream.NotJSON, stream.NotJSON, stream.Truncated}, contains: "empty"},
		{name: "plain text", body: "data: hello\n\n", data: []string{"hello"}, faults: []stream.Kind{stream.NotJSON}, contains: "hello"},
		{name: "an array", body: "data: [1]\n\n", data: []string{"[1]"}, faults: []stream.Kind{stream.NotJSON}, contains: "no object"},
		{name: "null", body: "data: null\n\n", data: []string{"null"}, faults: []stream.Kind{stream.NotJSON}},
		{name: "cut JSON", body: "data: {\"a\":\n\n", data: []string{`{"a":`}, faults: []stream.Kind{stream.NotJSON}, contains: "ends inside"},
		{name: "trailing comma", body: "data: {\"a\":1,}\n\n", data: []string{`{"a":1,}`}, faults: []stream.Kind{stream.NotJSON}},
		{name: "NaN", body: "data: {\"a\":NaN}\n\n", data: []string{`{"a":NaN}`}, faults: []stream.Kind{stream.NotJSON}, contains: "byte"},
		{name: "text behind", body: "data: {\"type\":\"a\"} x\n\n", data: []string{`{"type":"a"} x`}, types: []string{"a"},
			faults: []stream.Kind{stream.TrailingText}, contains: "x"},
		{name: "two objects in one line", body: "data: {}{}\n\n", data: []string{`{}{}`}, faults: []stream.Kind{stream.TrailingText}},
		{name: "a name twice", body: "data: {\"a\":1,\"a\":2}\n\n", data: []string{`{"a":1,"a":2}`}, faults: []stream.Kind{stream.DuplicateKey}, contains: "/a"},
		{name: "a name twice, deep", body: "data: {\"a\":[{\"b\":1},{\"b\":{},\"b\":1}]}\n\n", data: []string{`{"a":[{"b":1},{"b":{},"b":1}]}`},
			faults: []stream.Kind{stream.DuplicateKey}, contains: "/a/1/b"},
		{name: "a name twice, escaped once", body: "data: {\"a\":1,\"\\u0061\":2}\n\n", data: []string{`{"a":1,"\u0061":2}`}, faults: []stream.Kind{stream.DuplicateKey}},
		{name: "bytes that are not UTF-8", body: "data: {\"a\":\"\xff\xfe\"}\n\n", data: []string{"{\"a\":\"\uFFFD\uFFFD\"}"}, faults: []stream.Kind{stream.Encoding}},
		{name: "not UTF-8 in a comment", body: "data: {}\n\n: \xff\n", data: []string{"{}"}, comments: 1, index: -1, faults: []stream.Kind{stream.Encoding}},
		{name: "raw separators", body: "data: {\"a\":\"\u2028\u0085\"}\n\n", data: []string{"{\"a\":\"\u2028\u0085\"}"}, faults: []stream.Kind{stream.LineSeparators}, contains: "U+2028"},
		{name: "several data lines", body: "data: {\"a\":\ndata: 1}\n\n", data: []string{"{\"a\":\n1}"}, faults: []stream.Kind{stream.MultiLineData}},
		{name: "several data lines of objects", body: "data: {\"a\":[{}\ndata: ,{}\ndata: ]}\n\n", data: []string{"{\"a\":[{}\n,{}\n]}"}, faults: []stream.Kind{stream.MultiLineData}},
		{name: "other fields", body: "event: m\nid: 1\nid: 2\nretry\ndata: {}\n\n", data: []string{"{}"}, faults: []stream.Kind{stream.OtherField}, contains: "event, id, retry"},
		{name: "a field that the standard does not know", body: "data: {}\nfoo: x\n\n", data: []string{"{}"}, faults: []stream.Kind{stream.OtherField}, contains: "foo"},
		{name: "fields without data dispatch nothing", body: "event: ping\n\ndata: {}\n\n", data: []string{"{}"}, index: -1, faults: []stream.Kind{stream.OtherField}},
		{name: "Data is not data", body: "Data: {}\n\n", index: -1, faults: []stream.Kind{stream.OtherField}, contains: "Data"},
	})
}

func TestTheWrongFramingIsOneFaultAndHidesNothing(t *testing.T) {
	once := []stream.Kind{stream.Framing}
	all := []string{initJSON, outJSON, endJSON}
	types := []string{"init", "stdout", "execution_complete"}
	run(t, []reading{
		{name: "bare, blank lines", body: initJSON + "\n\n" + outJSON + "\n\n" + endJSON + "\n\n", data: all, types: types, faults: once},
		{name: "bare, one a line", body: initJSON + "\n" + outJSON + "\n" + endJSON + "\n", data: all, types: types, faults: once},
		{name: "bare, CRLF", body: initJSON + "\r\n\r\n" + outJSON + "\r\n\r\n" + endJSON + "\r\n\r\n", data: all, faults: once},
		{name: "bare, no line end at the end", body: initJSON + "\n\n" + outJSON + "\n\n" + endJSON, data: all, types: types, faults: once},
		{name: "bare, no line ends at all", body: initJSON + outJSON + endJSON, data: all, types: types, faults: once},
		{name: "bare, with spaces around", body: " " + initJSON + " \n" + outJSON + "\t\n" + endJSON + "\n", data: all, faults: once},
		{name: "bare, with a comment", body: ": hi\n" + initJSON + "\n: x\n" + outJSON + "\n\n" + endJSON + "\n\n", data: all, comments: 2, faults: once},
		{name: "mixed", body: "data: " + initJSON + "\n\n" + outJSON + "\n\ndata: " + endJSON + "\n\n", data: all, types: types, index: 1, faults: once},
		{name: "bare behind data without a blank line", body: "data: " + initJSON + "\n" + outJSON + "\n" + "data: " + endJSON + "\n\n", data: all, types: types, index: 1, faults: once},
		{name: "no blank lines", body: "data: " + initJSON + "\ndata: " + outJSON + "\ndata: " + endJSON + "\n", data: all, types: types, faults: once},
		{name: "no blank lines but the last", body: "data: " + initJSON + "\ndata: " + outJSON + "\ndata: " + endJSON + "\n\n", data: all, types: types, faults: once},
		{name: "bare metrics", body: `{"cpu_count":1}` + "\n\n", opt: stream.Options{Untyped: true}, data: []string{`{"cpu_count":1}`}, faults: once},
		{name: "bare, not UTF-8", body: "{\"type\":\"a\xff\"}\n\n", data: []string{"{\"type\":\"a\uFFFD\"}"}, faults: []stream.Kind{stream.Encoding, stream.Framing}},
		{name: "bare, a name twice", body: `{"type":"a","type":"b"}` + "\n", data: []string{`{"type":"a","type":"b"}`}, types: []string{"b"}, faults: []stream.Kind{stream.Framing, stream.DuplicateKey}},
		{name: "bare, cut", body: initJSON + "\n\n" + `{"type":"std`, data: []string{initJSON}, partial: `{"type":"std`, faults: []stream.Kind{stream.Framing, stream.Truncated}},
		{name: "bare, text behind", body: `{"type":"a"} oops` + "\n", data: []string{`{"type":"a"}`}, faults: []stream.Kind{stream.Framing, stream.StrayText}},
	})
}

func TestTextThatIsNoEventIsAFaultOfItsOwn(t *testing.T) {
	stray := []stream.Kind{stream.StrayText}
	ok := "data: " + initJSON + "\n\n"
	run(t, []reading{
		{name: "a word", body: ok + "Oops\n", data: []string{initJSON}, index: -1, faults: stray, contains: "Oops"},
		{name: "a status text, no line end", body: ok + "Internal Server Error", data: []string{initJSON}, index: -1, faults: stray, contains: "Internal Server Error"},
		{name: "an error page is one fault", body: ok + "<html>\n<head>\nstyle: x\n\n<p>a: b</p>\n</html>\n", data: []string{initJSON}, index: -1, faults: stray, contains: "</html>"},
		{name: "an error body", body: ok + `{"code":"X","message":"y"}` + "\n", data: []string{initJSON}, index: -1, faults: stray, contains: "JSON"},
		{name: "an error body, no line end", body: ok + `{"code":"X","message":"y"}`, data: []string{initJSON}, index: -1, faults: stray},
		{name: "an error body over several lines", body: ok + "{\n  \"code\": \"X\",\n  \"message\": \"y\"\n}\n", data: []string{initJSON}, index: -1, faults: stray},
		{name: "an error body among metrics", body: `{"code":"X","message":"y"}` + "\n", opt: stream.Options{Untyped: true}, index: -1, faults: stray},
		{name: "an error body in place of a stream", body: `{"code":"X","message":"y"}`, index: -1, faults: stray},
		{name: "an error body in the bare dialect", body: initJSON + "\n\n" + `{"code":"X","message":"y"}` + "\n\n", data: []string{initJSON}, faults: []stream.Kind{stream.Framing, stream.StrayText}},
		{name: "prose with a colon", body: ok + "Traceback (most recent call last):\n", data: []string{initJSON}, index: -1, faults: stray},
		{name: "among data lines", body: "data: {}\noops\n\n", data: []string{"{}"}, index: -1, faults: stray, contains: "oops"},
		{name: "twice apart", body: ok + "oops\n" + ok + "oops\n", data: []string{initJSON, initJSON}, index: -1, faults: []stream.Kind{stream.StrayText, stream.StrayText}},
		{name: "a line end that was not escaped", body: "data: {\"text\":\"a\nb\"}\n\n", data: []string{`{"text":"a`}, faults: []stream.Kind{stream.NotJSON}, contains: `b"}`},
		{name: "a byte order mark later on", body: ok + "\uFEFFdata: {}\n\n", data: []string{initJSON}, index: -1, faults: stray},
	})
}

func TestABodyThatEndsInsideAnEventIsTruncated(t *testing.T) {
	cut := []stream.Kind{stream.Truncated}
	run(t, []reading{
		{name: "no blank line", body: "data: " + endJSON + "\n", partial: endJSON, index: -1, faults: cut},
		{name: "no line end", body: "data: " + endJSON, partial: endJSON, index: -1, faults: cut},
		{name: "half an object", body: "data: {\"type\":\"std", partial: `{"type":"std`, index: -1, faults: cut},
		{name: "half a field name", body: "data: {}\n\nda", data: []string{"{}"}, partial: "da", index: -1, faults: cut},
		{name: "half a bare event", body: `{"type":"in`, partial: `{"type":"in`, index: -1, faults: cut},
		{name: "nothing that anyone would see", body: "data: {}\n\nid", data: []string{"{}"}},
	})
	tr := stream.Read(context.Background(), strings.NewReader("data: "+endJSON), nil)
	if tr.Partial == nil || tr.Partial.Type != "execution_complete" {
		t.Errorf("partial = %+v: its type is lost", tr.Partial)
	}
}
