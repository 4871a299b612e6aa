package stream_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryEventAsDocumented(t *testing.T) {
	w := httptest.NewRecorder()
	s := stream.NewWriter(context.Background(), w)
	defer s.Close()
	if err := s.Send(func(*stream.Batch) {}); err != nil || w.Flushed {
		t.Fatalf("an empty batch: %v, headers sent: %v", err, w.Flushed)
	}
	before := time.Now().UnixMilli()
	_ = s.Send(func(b *stream.Batch) {
		b.Text(stream.Init, []byte("id"))
		b.Text(stream.Status, []byte("running"))
		b.Text(stream.Stdout, []byte("\"\\\n\t\x00\x1f\x7f€😀\u0085\u2028\u2029\xff\xe2\x82"))
		b.Text(stream.Stderr, nil)
	})
	_ = s.Send(func(b *stream.Batch) {
		b.ExecutionCount(3)
		b.Result(map[string]string{"text/plain": "1", "image/png": "aGk="})
		b.Result(map[string]string{"text": "2"})
		b.Result(map[string]string{"text/html": "<b>"})
		b.Complete(1500 * time.Millisecond)
		b.Error(stream.Failure{Name: "E", Value: `"v"`, Traceback: []string{"a", "b\n"}})
		b.Error(stream.Failure{})
	})
	got := decode(t, w.Body.Bytes())
	last := before
	for i := range got {
		if got[i].Timestamp < last {
			t.Errorf("event %d: timestamp %d after %d", i, got[i].Timestamp, last)
		}
		last, got[i].Timestamp = got[i].Timestamp, 0
	}
	if last > time.Now().UnixMilli() {
		t.Errorf("timestamp %d lies in the future", last)
	}
	ms := int64(1500)
	failure := func(name, value string, tb ...string) event {
		return event{Type: "error", Error: &struct {
			Ename, Evalue string
			Traceback     []string
		}{name, value, tb}}
	}
	want := []event{
		{Type: "init", Text: "id"},
		{Type: "status", Text: "running"},
		{Type: "stdout", Text: "\"\\\n\t\x00\x1f\x7f€😀\u0085\u2028\u2029\uFFFD\uFFFD\uFFFD"},
		{Type: "stderr"},
		{Type: "execution_count", ExecutionCount: 3},
		{Type: "result", Results: map[string]string{"text": "1", "text/plain": "1", "image/png": "aGk="}},
		{Type: "result", Results: map[string]string{"text": "2", "text/plain": "2"}},
		{Type: "result", Results: map[string]string{"text/html": "<b>"}},
		{Type: "execution_complete", ExecutionTime: &ms},
		failure("E", `"v"`, "a", "b\n"),
		failure("", "", []string{}...),
	}
	want[10].Error.Traceback = []string{} // never null
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	for name, value := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} {
		if w.Header().Get(name) != value {
			t.Errorf("%s: %q", name, w.Header().Get(name))
		}
	}
}

// locked may be read while a timer writes to it.
type locked struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ResponseRecorder.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Body.String()
}

func TestSilenceIsFilledWithComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &locked{ResponseRecorder: httptest.NewRecorder()}
		s := stream.NewWriter(t.Context(), w)
		comments := func() int { synctest.Wait(); return strings.Count(w.String(), ":\n\n") }
		time.Sleep(time.Minute) // of the bubble's clock
		if comments() != 0 {
			t.Error("a comment before the first event")
		}
		_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte("x")) })
		time.Sleep(14 * time.Second)
		_ = s.Send(func(b *stream.Batch) { b.Text(stream.Stdout, []byte("x")) })
		time.Sleep(14 * time.Second)
		if n := comments(); n != 0 {
			t.Errorf("%d comments without 15 s of silence", n)
		}
		time.Sleep(32 * time.Second)
		if n := comments(); n != 3 {
			t.Errorf("%d comments in 46 s", n)
		}
		s.Close()
		time.Sleep(time.Minute)
		if n := comments(); n != 3 {
			t.Error("a comment after the end")
		}
		if err := s.Send(func(b *stream.Batch) { b.Text(stream.Stdout, []byte("late")) }); err != nil || strings.Contains(w.String(), "late") {
			t.Errorf("an event after the end: %v", err)
		}
	})
}

func TestEventsArriveAtOnceAndAVanishedClientEndsTheStream(t *testing.T) {
	result := make(chan error, 1)
	next := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := stream.NewWriter(r.Context(), w)
		defer s.Close()
		_ = s.Send(func(b *stream.Batch) { b.Text(stream.Init, []byte("first")) })
		<-next
		for s.Err() == nil { // the client reads no more: this waits, until it has gone
			_ = s.Send(func(b *stream.Batch) { b.Text(stream.Stdout, make([]byte, 64<<10)) })
		}
		result <- s.Err()
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || !strings.Contains(line, "first") {
		t.Fatalf("%q %v", line, err)
	}
	close(next)
	select {
	case err := <-result:
		t.Fatalf("a client that is slow ended the stream: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	cancel()
	if err := <-result; err == nil {
		t.Error("no error")
	}
}

func TestAContextThatIsDoneFreesAWriteThatWaits(t *testing.T) {
	result := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := stream.NewWriter(ctx, w)
		defer s.Close()
		for s.Err() == nil {
			_ = s.Send(func(b *stream.Batch) { b.Text(stream.Stdout, make([]byte, 64<<10)) })
		}
		result <- s.Err()
	}))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-result; err == nil {
		t.Error("no error")
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
}
