package stream_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// pieces hands a body out in pieces of given sizes, over and over.
type pieces struct {
	body  []byte
	sizes []byte
	i     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.body) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(p.sizes) > 0 {
		n += int(p.sizes[p.i%len(p.sizes)])
		p.i++
	}
	n = copy(b[:min(n, len(b))], p.body)
	p.body = p.body[n:]
	return n, nil
}

// dispatched is WHATWG HTML §9.2.6 once more, over a whole body, with no
// thought of speed or of faults.
func dispatched(body []byte) []string {
	text := string([]rune(string(body)))
	text = strings.TrimPrefix(text, "\uFEFF")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	var events []string
	buffer := ""
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case line == "":
			if buffer != "" {
				events = append(events, strings.TrimSuffix(buffer, "\n"))
			}
			buffer = ""
		case name == "data":
			buffer += strings.TrimPrefix(value, " ") + "\n"
		}
	}
	return events
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"data: " + initJSON + "\r\n\r\ndata: " + endJSON + "\n\n",
		initJSON + "\n\n" + outJSON + "\r" + endJSON,
		"\uFEFF: c\n\nid: 1\rdata\r\n\rdata: {\"a\":\xff\"\u2028\"}\n\nOops\n<p>\n{\"code\":\"X\",\"message\":\"\"}\n",
		"data: {}\ndata: {}\ndata: {\"a\":\n\nevent:",
		`data: {"a":1,"a":[{"b":{}}]} x` + "\n\n" + strings.Repeat("data: 1\n", 9),
	} {
		f.Add([]byte(s), []byte{0}, false)
		f.Add([]byte(s), []byte{2, 0, 7}, true)
	}
	f.Fuzz(func(t *testing.T, body, sizes []byte, untyped bool) {
		o := stream.Options{Untyped: untyped, FrameLimit: 64, Now: func() time.Time { return time.Unix(1, 0) }}
		whole := o.Read(context.Background(), bytes.NewReader(body), nil)
		split := o.Read(context.Background(), &pieces{body: body, sizes: sizes}, nil)
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Fatalf("the pieces change the transcript: %s", diff)
		}
		if whole.Err != nil || whole.Bytes != int64(len(body)) {
			t.Fatalf("err %v after %d of %d bytes", whole.Err, whole.Bytes, len(body))
		}
		if whole.Has(stream.Framing) {
			return
		}
		var got []string
		for _, e := range whole.Events {
			got = append(got, string(e.Data))
		}
		if diff := cmp.Diff(dispatched(body), got); diff != "" {
			t.Fatalf("events (-standard +got): %s", diff)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var body bytes.Buffer
	const events = 100_000
	for i := range events {
		fmt.Fprintf(&body, "data: {\"type\":\"stdout\",\"text\":\"line %d of the output\",\"timestamp\":%d}\n\n", i, 1767225600000+i)
	}
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		tr := stream.Options{MaxKept: 1000}.Read(context.Background(), bytes.NewReader(body.Bytes()), nil)
		if len(tr.Events) != events || len(tr.Faults) > 0 {
			b.Fatal(len(tr.Events), tr.Faults)
		}
	}
}
