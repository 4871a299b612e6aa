package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/gateway"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// deleteMutants delete wrongly, or not at all.
func deleteMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-DELETE-01", Wire: mutant.Status(deleteSandbox, 204, 200)},
		{Requirement: "LC-DELETE-01", Wire: mutant.Status(deleteSandbox, 204, 202)},
		{Requirement: "LC-DELETE-01", Wire: mutant.DropField(deleteSandbox.On(404), "code")},
		{Requirement: "LC-DELETE-01", Wire: mutant.ContentType(deleteSandbox.On(404), "text/plain")},
		{Requirement: "LC-DELETE-02", Wire: mutant.Status(deleteSandbox, 404, 204)},
		{Requirement: "LC-DELETE-02", Wire: mutant.Status(deleteSandbox, 404, 409)},
		{Requirement: "LC-DELETE-03", Name: "delete does nothing", Setup: Setup{Quick: true}, API: deletesNot(func(*lifecycleapi.Sandbox) bool { return true })},
		{Requirement: "LC-DELETE-03", Name: "delete does nothing to a Pending sandbox", Setup: Setup{Quick: true}, API: deletesNot(func(sb *lifecycleapi.Sandbox) bool {
			return in(sb, "Pending")
		})},
		{Requirement: "LC-DELETE-03", Name: "Stopping for ever", Setup: Setup{Quick: true}, API: showsState("Stopping", "Terminated")},
		{Requirement: "LC-DELETE-03", Name: "ends in Failed, since the entry process was killed", Setup: Setup{Quick: true}, API: showsState("Failed", "Terminated")},
		{Requirement: "LC-DELETE-03", Name: "404, and then Terminated again", API: replaced(func(c *calls, next calls, act func()) {
			var mu sync.Mutex
			looks := map[string]int{}
			c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
				sb, err := next.get(ctx, id)
				if err != nil || !in(sb, "Terminated") {
					return sb, err
				}
				mu.Lock()
				defer mu.Unlock()
				if looks[id]++; looks[id] == 1 {
					act()
					return nil, unknown()
				}
				return sb, nil
			}
		})},
		{Requirement: "LC-DELETE-04", Name: "a paused sandbox is a conflict", API: deletesPaused(conflict)},
		{Requirement: "LC-DELETE-04", Name: "deleting a paused sandbox does nothing", Setup: Setup{Quick: true}, API: deletesPaused(func() error { return nil })},
		{Requirement: "LC-DELETE-04", Name: "a paused sandbox can't be stopped", API: deletesPaused(func() error {
			return httpapi.Errorf(http.StatusInternalServerError, "INTERNAL", "something failed in the server")
		})},
		{Requirement: "LC-DELETE-05", Name: "a Pending sandbox is not found", API: deletesBy(unknown, pending)},
		{Requirement: "LC-DELETE-05", Name: "a Pending sandbox fails the server", API: deletesBy(func() error {
			return httpapi.Errorf(http.StatusInternalServerError, "INTERNAL", "something failed in the server")
		}, pending)},
		{Requirement: "LC-DELETE-05", Name: "409 for 10 seconds, Running or not", API: deletesBy(conflict, func(sb *lifecycleapi.Sandbox) bool {
			return time.Since(sb.CreatedAt) < 10*time.Second
		})},
		runsOn(),
	}
}

func pending(sb *lifecycleapi.Sandbox) bool { return in(sb, "Pending") }

// deletesNot answers 204 and does nothing, for sandboxes of which test is true.
func deletesNot(test func(*lifecycleapi.Sandbox) bool) decorateAPI {
	return deletesBy(func() error { return nil }, test)
}

func deletesPaused(answer func() error) decorateAPI {
	return deletesBy(answer, func(sb *lifecycleapi.Sandbox) bool { return in(sb, "Paused") })
}

// deletesBy answers a delete by itself, where test is true of the sandbox.
func deletesBy(answer func() error, test func(*lifecycleapi.Sandbox) bool) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.remove = func(ctx context.Context, id string) error {
			if sb, err := next.get(ctx, id); err == nil && !in(sb, "Stopping", "Terminated") && test(sb) {
				act()
				return answer()
			}
			return next.remove(ctx, id)
		}
	})
}

// runsOn is a server whose sandboxes run on after their delete, and can be reached as before.
func runsOn() Mutant {
	var mu sync.Mutex
	left := map[string]bool{}
	var dial func(ctx context.Context, id string, port int) (net.Conn, error)
	m := Mutant{Requirement: "LC-DELETE-06", Name: "what runs a sandbox is not removed"}
	m.Runtime = engineWith(func(e *engine, next runtime.Runtime, act func()) {
		dial = next.Dial
		e.remove = func(_ context.Context, id string) error {
			act()
			mu.Lock()
			defer mu.Unlock()
			left[id] = true
			return nil
		}
	})
	m.HTTP = asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, _ func()) {
		route, ok := gateway.Match(r)
		mu.Lock()
		ok = ok && left[route.Sandbox]
		mu.Unlock()
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		proxy := httputil.ReverseProxy{
			Rewrite: func(p *httputil.ProxyRequest) {
				p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.Opaque = "http", "sandbox", route.Path
			},
			Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dial(ctx, route.Sandbox, route.Port)
			}},
			FlushInterval: -1,
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
				refuse(w, http.StatusBadGateway, "SANDBOX_UNREACHABLE", "the sandbox can't be reached")
			},
		}
		proxy.ServeHTTP(w, r)
	})
	return m
}
