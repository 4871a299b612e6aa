package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"opensandbox-reference": main})
}

// The scripts in testdata read as a manual of the command. None needs a Docker
// engine.
func TestScripts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("OPEN-SANDBOX-API-KEY") != "right":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":"UNAUTHORIZED","message":"send a valid key"}`))
		case r.URL.Query().Get("page") == "2":
			_, _ = w.Write([]byte(`{"items":[{"id":"second","status":{"state":"Paused"},"entrypoint":["sh"],"createdAt":"2026-01-02T03:04:05Z"}],
				"pagination":{"page":2,"pageSize":100,"totalItems":2,"totalPages":2,"hasNextPage":false}}`))
		default:
			_, _ = w.Write([]byte(`{"items":[{"id":"first","status":{"state":"Running","reason":"READY"},"image":{"uri":"debian:12"},"entrypoint":["sh"],"createdAt":"2026-01-02T03:04:05Z","expiresAt":"2026-01-02T04:04:05Z","metadata":{"b":"2","a":"1"}}],
				"pagination":{"page":1,"pageSize":100,"totalItems":2,"totalPages":2,"hasNextPage":true}}`))
		}
	}))
	t.Cleanup(server.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SERVER", server.URL+"/v1")
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("DOCKER_HOST", "unix:///nowhere.sock")
			return fill(filepath.Join(env.WorkDir, "state"))
		},
	})
}

// fill makes a state directory with two sandboxes.
func fill(dir string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, sb := range []*sandbox.Sandbox{
		{ID: "older", Image: "debian:12", CreatedAt: made, ExpiresAt: made.Add(time.Hour), Token: "s3cret",
			Status: sandbox.Status{State: sandbox.Running, Reason: "READY"}, Metadata: map[string]string{"project": "apollo"}},
		{ID: "newer", Image: "python:3", CreatedAt: made.Add(time.Minute), Token: "s3cret",
			Status: sandbox.Status{State: sandbox.Failed, Reason: "IMAGE_NOT_FOUND"}},
	} {
		if err := s.Put(ctx, sb); err != nil {
			return err
		}
	}
	return nil
}
