package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// live reads what the test writes, bit by bit.
type live struct {
	t      *testing.T
	w      *io.PipeWriter
	now    atomic.Int64
	events chan stream.Event
	done   chan *stream.Transcript
}

func newLive(t *testing.T, o stream.Options) *live {
	r, w := io.Pipe()
	l := &live{t: t, w: w, events: make(chan stream.Event, 100), done: make(chan *stream.Transcript, 1)}
	o.Now = func() time.Time { return time.Unix(l.now.Load(), 0) }
	go func() { l.done <- o.Read(t.Context(), r, func(e stream.Event) { l.events <- e }) }()
	l.write(0, "") // reading has begun
	return l
}

// write hands bytes over at a second of the test's clock, and returns when all
// that they cause has happened.
func (l *live) write(second int64, s string) {
	l.now.Store(second)
	_, _ = l.w.Write([]byte(s))
	_, _ = l.w.Write(nil) // taken by the next Read only
}

func (l *live) want(second int64, data ...string) {
	l.t.Helper()
	for _, d := range data {
		select {
		case e := <-l.events:
			if string(e.Data) != d || e.At.Unix() != second {
				l.t.Errorf("event %q at %d, want %q at %d", e.Data, e.At.Unix(), d, second)
			}
		default:
			l.t.Errorf("event %q is held back", d)
		}
	}
	if len(l.events) > 0 {
		l.t.Errorf("%d events too many", len(l.events))
	}
}

func TestAnEventIsHandedOnWhenItsLastByteComes(t *testing.T) {
	l := newLive(t, stream.Options{})
	l.write(1, "data: {\"a\"")
	l.write(2, ":1}")
	l.write(3, "\n")
	l.want(0)
	l.write(4, "\n")
	l.want(4, `{"a":1}`)
	l.write(5, "data: {}\r\n\r") // the LF that belongs to it may never come
	l.want(5, "{}")
	l.write(6, "\n")
	l.want(0)
	l.write(7, initJSON)
	l.want(0)
	l.write(8, "\n")
	l.want(8, initJSON)
	l.write(9, "\n")
	l.want(0)
	l.write(29, "data: {}\n\ndata: {}\n\n")
	l.want(29, "{}", "{}")
	l.now.Store(31)
	l.w.Close()
	tr := <-l.done
	if tr.Began.Unix() != 0 || tr.LastEvent.Unix() != 29 || tr.Ended.Unix() != 31 || tr.Silence != 20*time.Second {
		t.Errorf("began %d, last event %d, ended %d, silence %v", tr.Began.Unix(), tr.LastEvent.Unix(), tr.Ended.Unix(), tr.Silence)
	}
}

func TestAnEventWithoutBlankLineKeepsTheTimeOfItsLine(t *testing.T) {
	l := newLive(t, stream.Options{})
	l.write(1, "data: "+initJSON+"\n")
	l.write(5, "data: "+endJSON+"\n")
	l.want(1, initJSON)
	l.w.Close()
	if tr := <-l.done; len(tr.Events) != 2 || tr.Events[1].At.Unix() != 5 {
		t.Errorf("events = %+v", tr.Events)
	}
}

// respond serves one raw answer on a real connection, and then ends it.
func respond(t *testing.T, answer string, end func(*net.TCPConn)) *http.Response {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, answer)
		end(conn.(*net.TCPConn))
	}))
	t.Cleanup(srv.Close)
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestHowTheBodyEndsIsTold(t *testing.T) {
	const event = "data: {}\n\n"
	closes := func(c *net.TCPConn) { c.Close() }
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
	for _, tc := range []struct {
		name, answer string
		end          stream.End
		faults       int
		is           error
	}{
		{name: "last chunk", answer: chunked + "0\r\n\r\n", end: stream.EndClean},
		{name: "no last chunk", answer: chunked, end: stream.EndCut, faults: 1, is: io.ErrUnexpectedEOF},
		{name: "inside a chunk", answer: chunked + "ff\r\ndata", end: stream.EndCut, faults: 1, is: io.ErrUnexpectedEOF},
		{name: "no chunk", answer: chunked + "zz\r\n", end: stream.EndBroken, faults: 1},
		{name: "length, complete", answer: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + event, end: stream.EndClean},
		{name: "length, short", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + event, end: stream.EndCut, faults: 1, is: io.ErrUnexpectedEOF},
		{name: "no length", answer: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + event, end: stream.EndClean},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := stream.Read(t.Context(), respond(t, tc.answer, closes).Body, nil)
			if tr.End() != tc.end || len(tr.Events) != 1 || tr.Counts[stream.Truncated] != tc.faults || len(tr.Faults) != tc.faults {
				t.Errorf("end %q (%v), %d events, faults %+v", tr.End(), tr.Err, len(tr.Events), tr.Faults)
			}
			if tc.is != nil && !errors.Is(tr.Err, tc.is) {
				t.Errorf("err = %v, want %v", tr.Err, tc.is)
			}
		})
	}
}

func TestAConnectionThatIsResetIsTold(t *testing.T) {
	read := make(chan struct{})
	res := respond(t, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ndata: {}\n\n", func(c *net.TCPConn) {
		<-read // else the reset may overtake the bytes
		_ = c.SetLinger(0)
		c.Close()
	})
	tr := stream.Read(t.Context(), res.Body, func(stream.Event) { close(read) })
	if tr.End() != stream.EndReset || !errors.Is(tr.Err, syscall.ECONNRESET) || !tr.Has(stream.Truncated) {
		t.Errorf("end %q (%v), faults %+v", tr.End(), tr.Err, tr.Faults)
	}
}

func TestTheReadersOwnEndIsNoFault(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: {}\n\ndata: {\"half\"")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	for name, whose := range map[string]string{"the reading's context": "read", "the request's context": "request"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			contexts := map[string]context.Context{"read": t.Context(), "request": t.Context()}
			contexts[whose] = ctx
			req, _ := http.NewRequestWithContext(contexts["request"], http.MethodGet, srv.URL, nil)
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			tr := stream.Read(contexts["read"], res.Body, func(stream.Event) { cancel() })
			if tr.End() != stream.EndReader || !errors.Is(tr.Err, context.Canceled) || len(tr.Faults) > 0 {
				t.Errorf("end %q (%v), faults %+v", tr.End(), tr.Err, tr.Faults)
			}
		})
	}
}

func TestAContextThatEndsFreesAReadThatWaits(t *testing.T) {
	r, _ := io.Pipe()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	tr := stream.Read(ctx, r, nil)
	if tr.End() != stream.EndReader || !errors.Is(tr.Err, cause) || !errors.Is(tr.Err, context.Canceled) {
		t.Errorf("err = %v", tr.Err)
	}
}

func TestFramesAreBounded(t *testing.T) {
	o := stream.Options{FrameLimit: 100, HardLimit: 1000}
	frame := func(n int) string { // a frame of n bytes
		return `data: {"a":"` + strings.Repeat("x", n-14) + `"}`
	}
	for _, tc := range []struct {
		name         string
		body         string
		long, events int
		end          stream.End
	}{
		{"at the limit", frame(100) + "\n\n", 0, 1, stream.EndClean},
		{"over it", frame(101) + "\n\n", 1, 1, stream.EndClean},
		{"over it, each", frame(101) + "\n\n" + frame(101) + "\n\n", 2, 2, stream.EndClean},
		{"many small ones", strings.Repeat(frame(60)+"\n\n", 100), 0, 100, stream.EndClean},
		{"many small bare ones", strings.Repeat(initJSON+"\n", 100), 0, 100, stream.EndClean},
		{"a long comment", ":" + strings.Repeat("x", 200) + "\n", 1, 0, stream.EndClean},
		{"many comments", strings.Repeat(":xxxxxxxxx\n", 200), 0, 0, stream.EndClean},
		{"at the hard limit", frame(1000) + "\n\n", 1, 1, stream.EndClean},
		{"over the hard limit", frame(1001) + "\n\n" + frame(50) + "\n\n", 1, 0, stream.EndLimit},
		{"over the hard limit in many lines", strings.Repeat("data: 123456\n", 99), 1, 0, stream.EndLimit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := o.Read(t.Context(), strings.NewReader(tc.body), nil)
			if tr.Counts[stream.FrameTooLong] != tc.long || len(tr.Events) != tc.events || tr.End() != tc.end {
				t.Errorf("long %d, events %d, end %q", tr.Counts[stream.FrameTooLong], len(tr.Events), tr.End())
			}
			if tc.end == stream.EndLimit && !errors.Is(tr.Err, stream.ErrFrameTooLong) {
				t.Errorf("err = %v", tr.Err)
			}
		})
	}
}

func TestOnlyTheFirstAndLastEventsAreKept(t *testing.T) {
	var body strings.Builder
	for i := range 10 {
		fmt.Fprintf(&body, "data: {\"type\":\"t%d\"}\n\n", i)
	}
	for kept, want := range map[int]string{0: "0123456789", 1: "09", 2: "0189", 4: "01236789", 5: "0123456789", 99: "0123456789"} {
		seen := 0
		tr := stream.Options{MaxKept: kept}.Read(t.Context(), strings.NewReader(body.String()), func(e stream.Event) {
			if e.Value != nil && e.Data != nil && !e.Released {
				seen++
			}
		})
		got := ""
		for i, e := range tr.Events {
			if e.Type != fmt.Sprintf("t%d", i) {
				t.Errorf("type %d is %q", i, e.Type)
			}
			if (e.Data == nil) != e.Released || (e.Value == nil) != e.Released {
				t.Errorf("event %d: %+v", i, e)
			}
			if !e.Released {
				got += fmt.Sprint(i)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || seen != 10 {
			t.Errorf("MaxKept %d keeps (-want +got) %s, and onEvent saw %d of 10", kept, diff, seen)
		}
	}
}

func TestARepeatedFaultIsCountedAndKeptAFewTimes(t *testing.T) {
	tr := stream.Read(t.Context(), strings.NewReader(strings.Repeat("id: 1\ndata: x\n\n", 1000)), nil)
	if tr.Counts[stream.NotJSON] != 1000 || tr.Counts[stream.OtherField] != 1000 || len(tr.Faults) != 40 {
		t.Errorf("counts %v, %d kept", tr.Counts, len(tr.Faults))
	}
}

func TestEveryKindHasLevelAndSource(t *testing.T) {
	for _, k := range stream.Kinds() {
		if k.Source() == "" || k.Level() != stream.Must && k.Level() != stream.Should {
			t.Errorf("%s: level %q, source %q", k, k.Level(), k.Source())
		}
	}
}
