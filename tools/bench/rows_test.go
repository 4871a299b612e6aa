package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	domain "github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

// seed puts n sandboxes that are over into a store, of ten projects.
func seed(b *testing.B, state *store.Store, n int) {
	b.Helper()
	now := time.Now().UTC()
	var group sync.WaitGroup
	slots := make(chan struct{}, 256)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := state.Put(b.Context(), &domain.Sandbox{
				ID: uuid.NewString(), Image: dockertest.Debian, Entrypoint: []string{"sleep", "infinity"},
				Metadata:  map[string]string{"project": fmt.Sprintf("p%d", i%10), "number": fmt.Sprint(i)},
				CreatedAt: now.Add(time.Duration(i-n) * time.Millisecond), ExpiresAt: now.Add(time.Hour), Token: "x",
				Status: domain.Status{State: domain.Terminated, Reason: domain.ReasonDeleted, Message: "it was deleted", LastTransitionAt: now},
			}); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
}

// benchRows asks a server with 10,000 sandboxes for one of them, and for pages of those that filters let through.
func benchRows(b *testing.B) {
	l := startServer(b, 10_000)
	var page struct {
		Items      []sandbox
		Pagination struct{ TotalItems int }
	}
	list := func(n int) {
		l.call(b, "GET", fmt.Sprintf("/sandboxes?state=Terminated&state=Running&metadata=project%%3Dp%d&pageSize=50&page=%d", n%10, 1+n%20), "", &page)
		if page.Pagination.TotalItems != 1000 || len(page.Items) != 50 {
			b.Fatalf("%d, %d", page.Pagination.TotalItems, len(page.Items))
		}
	}
	var gets, lists []time.Duration
	for range b.N {
		for i := range 1000 {
			lists = append(lists, timed(func() { list(i) }))
			id := page.Items[i%50].ID
			gets = append(gets, timed(func() {
				if l.call(b, "GET", "/sandboxes/"+id, "", nil) != http.StatusOK {
					b.Fatal(id)
				}
			}))
		}
	}
	b.ReportMetric(quantile(gets[10:], 0.99), "get-p99-ms")
	b.ReportMetric(quantile(lists[10:], 0.99), "list-p99-ms")
}

// benchRestart measures from the exec of a server that has 1,000 sandboxes to its first answer, and its memory then.
func benchRestart(b *testing.B) {
	l := startServer(b, 1000)
	stop := func(s *server) {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	var took []time.Duration
	memory := 0.0
	for range rounds * b.N {
		stop(l.server) // the last one ends by itself, and takes its volume along
		begun := time.Now()
		l.server = start(b, exec.Command(l.cmd.Path, l.cmd.Args[1:]...))
		l.call(b, "GET", "/sandboxes", "", nil)
		took = append(took, time.Since(begun))
		memory = l.resident(b)
	}
	b.ReportMetric(quantile(took, 0.5), "ms")
	b.ReportMetric(memory, "MB")
	if strings.Contains(l.output(), "level=ERROR") {
		b.Fatal(l.output())
	}
}
