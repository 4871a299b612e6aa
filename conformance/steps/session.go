package steps

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) shellSessions(s *register) {
	s.step(`a session`, func(ctx context.Context) error { return w.session(ctx, judge.Request{}) })
	s.step(`a session created with the content type JSON and an empty body`, func(ctx context.Context) error {
		return w.session(ctx, judge.Request{Body: []byte{}, Header: http.Header{"Content-Type": {"application/json"}}})
	})
	s.step(`a session in "(.*)"`, func(ctx context.Context, dir string) error {
		fields := map[string]any{"cwd": w.expand(dir)}
		return w.session(ctx, judge.Object(fields))
	})
	s.step(`I remember the session as "(\w+)"`, func(_ context.Context, name string) error {
		w.vars["session "+name] = w.vars["session"]
		return nil
	})
	s.step(`in the session "(\w+)" I run: (.*)`, func(ctx context.Context, name, command string) error {
		w.vars["session"] = w.vars["session "+name]
		return w.inSession(ctx, map[string]any{"command": w.expand(command)})
	})
	s.step(`in the session I run: (.*)`, func(ctx context.Context, command string) error {
		return w.inSession(ctx, map[string]any{"command": w.expand(command)})
	})
	s.step(`in the session I run, in "(.*)": (.*)`, func(ctx context.Context, dir, command string) error {
		return w.inSession(ctx, map[string]any{"command": w.expand(command), "cwd": w.expand(unescape(dir))})
	})
	s.step(`in the session I run, for at most (\d+) ms: (.*)`, func(ctx context.Context, ms int, command string) error {
		return w.inSession(ctx, map[string]any{"command": w.expand(command), "timeout": ms})
	})
}

// session opens a session, whose id is then ${session}.
func (w *World) session(ctx context.Context, r judge.Request) error {
	if err := w.call(ctx, "createSession", r); err != nil {
		return err
	}
	id := body(w.last).text("session_id")
	if w.last.OK() && id != "" {
		w.sessions = append(w.sessions, id)
		w.vars["session"] = id
	}
	return w.check(w.last.OK() && id != "", "no session was created", "200 with a session_id", w.answer())
}

func (w *World) inSession(ctx context.Context, fields map[string]any) error {
	if w.vars["session"] == "" {
		return unjudged("the scenario has no session")
	}
	r := judge.Object(fields)
	r.Path = w.fill("runInSession", "${session}")
	return w.call(ctx, "runInSession", r)
}
