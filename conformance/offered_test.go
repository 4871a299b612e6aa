package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// server lists, creates as it is told, shows what it made, and answers all else 404.
func server(t *testing.T, create func(w http.ResponseWriter)) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	mux.HandleFunc("GET /v1/sandboxes", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"items":[],"pagination":{"page":1,"pageSize":20,"totalItems":0,"totalPages":0,"hasNextPage":false}}`)
	})
	mux.HandleFunc("GET /v1/sandboxes/{id}", func(w http.ResponseWriter, r *http.Request) {
		if id := r.PathValue("id"); strings.HasPrefix(id, "made-") {
			answer(w, http.StatusOK, sandbox(id))
			return
		}
		answer(w, http.StatusNotFound, `{"code":"NOT_FOUND","message":"there is no such sandbox"}`)
	})
	mux.HandleFunc("POST /v1/sandboxes", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		create(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, `{"code":"NOT_FOUND","message":"there is nothing here"}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

func sandbox(id string) string {
	text, _ := json.Marshal(map[string]any{ // a map of strings is always JSON
		"id": id, "status": map[string]string{"state": "Running"}, "createdAt": "2026-11-25T09:30:00Z",
		"entrypoint": []string{"tail", "-f", "/dev/null"}, "image": map[string]string{"uri": "debian"},
	})
	return string(text)
}

// Where no sandbox can be made, every other operation answers 404 to ids that nobody has: that says nothing about
// whether it is offered.
func TestAGroupIsNotOfferedOnlyWhereASandboxSaysSo(t *testing.T) {
	groups := []string{"pause", "expiry", "endpoints"}
	for name, tc := range map[string]struct {
		create func(http.ResponseWriter)
		want   string
	}{
		"none can be made": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"code":"BUSY","message":"try again later"}`))
		}, report.Inconclusive},
		"they are made, and can do nothing": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = fmt.Fprint(w, sandbox("made-"+uuid.NewString()))
		}, report.NotOffered},
	} {
		t.Run(name, func(t *testing.T) {
			deadlines := judge.DefaultDeadlines()
			deadlines.Change, deadlines.Provision, deadlines.Expire = time.Second, time.Second, time.Second
			r, err := conformance.Run(context.Background(), conformance.Config{
				URL: server(t, tc.create), Image: "debian", Profile: conformance.Lifecycle, Groups: groups, Deadlines: deadlines,
				Operations: []string{
					"POST /sandboxes/{sandboxId}/pause", "POST /sandboxes/{sandboxId}/resume",
					"POST /sandboxes/{sandboxId}/renew-expiration", "GET /sandboxes/{sandboxId}/endpoints/{port}",
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range r.Groups {
				for _, name := range groups {
					if g.Name == name && g.Verdict != tc.want {
						t.Errorf("group %s is %s, not %s", g.Name, g.Verdict, tc.want)
					}
				}
			}
		})
	}
}
