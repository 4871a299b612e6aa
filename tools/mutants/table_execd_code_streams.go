package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
)

// codeStream is the answer to a run of code, seen as it passes.
type codeStream struct {
	http.ResponseWriter
	book *codeBook
	key  string
	came bytes.Buffer
	init bool
	held []byte // what comes besides, behind init
}

// run hands a run of code on, live, and gives the events that came.
func (c *codeCall) run() []map[string]any {
	s := &codeStream{ResponseWriter: c.w, book: c.codeBook, key: c.key()}
	c.mu.Lock()
	c.running = append(c.running, s.key)
	c.streams = append(c.streams, s)
	c.ran[s.key]++
	c.mu.Unlock()
	c.next.ServeHTTP(s, c.r)
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.running, s.key)
	c.running = slices.Delete(c.running, i, i+1)
	c.streams = slices.DeleteFunc(c.streams, func(w *codeStream) bool { return w == s })
	events := eventsOf(s.came.Bytes())
	// What was interrupted would not end when it is run again.
	if code, ok := c.body["code"].(string); ok && s.init && !raised(events) {
		c.history = append(c.history, pieceOfCode{s.key, c.language, code})
	}
	return events
}

// busy says whether code of the call's context runs.
func (c *codeCall) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.running, c.key())
}

// keyOf tells the context of an execution by the text of its init.
func (b *codeBook) keyOf(execution string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key, ok := b.keys[execution]; ok {
		return key
	}
	return execution
}

// Write passes events on, whole as the daemon writes them, and behind init what is held.
func (s *codeStream) Write(p []byte) (int, error) {
	s.came.Write(p)
	out := slices.Concat(s.take(), p)
	if !s.init {
		if events := eventsOf(s.came.Bytes()); len(events) > 0 {
			s.begin(events[0])
			first := bytes.Index(p, []byte("\n\n")) + 2
			out = slices.Concat(p[:first], s.take(), p[first:])
		}
	}
	if _, err := s.ResponseWriter.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// begin notes that the stream has begun.
func (s *codeStream) begin(init map[string]any) {
	s.init = true
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	if text, _ := init["text"].(string); text != "" {
		s.book.keys[text] = s.key
	}
}

// take gives what is held, once the stream has begun.
func (s *codeStream) take() []byte {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	if !s.init || len(s.held) == 0 {
		return nil
	}
	s.book.act()
	held := s.held
	s.held = nil
	return held
}

// Unwrap is what http.ResponseController looks for.
func (s *codeStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// eventsOf reads the events of a stream, as our daemon writes them.
func eventsOf(text []byte) []map[string]any {
	var events []map[string]any
	for line := range bytes.Lines(text) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		var event map[string]any
		if ok && json.Unmarshal(data, &event) == nil {
			events = append(events, event)
		}
	}
	return events
}

// raised says whether a run ended in an error.
func raised(events []map[string]any) bool {
	return slices.ContainsFunc(events, func(e map[string]any) bool { return e["type"] == "error" })
}
