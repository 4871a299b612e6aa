package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// getMutants show a sandbox wrongly.
func getMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-GET-01", Wire: mutant.DropField(getSandbox, "status")},
		{Requirement: "LC-GET-01", Wire: mutant.DropField(getSandbox, "entrypoint")},
		{Requirement: "LC-GET-01", Name: "GET /sandboxes/{sandboxId}: no expiresAt, and no manual cleanup", Wire: mutant.DropField(getSandbox, "expiresAt")},
		{Requirement: "LC-GET-01", Wire: mutant.SetField(getSandbox, "status.message", nil)},
		{Requirement: "LC-GET-01", Wire: mutant.SetField(getSandbox, "image.pullPolicy", "Always")},
		{Requirement: "LC-GET-01", Wire: mutant.ChangeField(getSandbox, "createdAt", "with a space", func(v any) any { return strings.Replace(v.(string), "T", " ", 1) })},
		{Requirement: "LC-GET-01", Wire: mutant.ChangeField(getSandbox, "status.lastTransitionAt", "in seconds", func(v any) any {
			at, err := time.Parse(time.RFC3339Nano, v.(string))
			if err != nil {
				return v
			}
			return at.Unix()
		})},
		{Requirement: "LC-GET-01", Wire: mutant.Status(getSandbox, 200, 203)},
		{Requirement: "LC-GET-01", Wire: mutant.ContentType(getSandbox.On(404), "text/html")},
		{Requirement: "LC-GET-01", Wire: mutant.DropField(getSandbox.On(404), "message")},
		{Requirement: "LC-GET-01", Wire: renamed(mutant.SetField(getSandbox.On(404), "requestId", uuid.NewString()), getSandbox, "errors have a requestId")},
		{Requirement: "LC-GET-01", Wire: mutant.EmptyBody(getSandbox.On(404))},
		{Requirement: "LC-GET-02", Name: "what is unknown is shown as Terminated", API: replaced(func(c *calls, next calls, act func()) {
			c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
				sb, err := next.get(ctx, id)
				if statusOf(err) != 404 {
					return sb, err
				}
				act()
				return &lifecycleapi.Sandbox{
					ID: id, Status: lifecycleapi.SandboxStatus{State: "Terminated"}, CreatedAt: time.Now().UTC(),
					ExpiresAt: lifecycleapi.NewOptDateTime(time.Now().UTC()), Entrypoint: []string{"true"},
					Image: lifecycleapi.NewOptSandboxImage(lifecycleapi.SandboxImage{URI: "none"}),
				}, nil
			}
		})},
		{Requirement: "LC-GET-02", Wire: mutant.Status(getSandbox, 404, 410)},
		{Requirement: "LC-GET-02", Wire: mutant.Status(getSandbox, 404, 500)},
		{Requirement: "LC-GET-03", Wire: mutant.DropField(getSandbox, "image")},
		{Requirement: "LC-GET-03", Wire: mutant.ChangeField(getSandbox, "image.uri", "with its registry", func(v any) any { return "docker.io/" + v.(string) })},
		{Requirement: "LC-GET-03", Name: "the entrypoint is shown with the server's own before it", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			sb.Entrypoint = append([]string{"/opt/opensandbox/execd", "supervise", "--"}, sb.Entrypoint...)
			return true
		})},
		{Requirement: "LC-GET-03", Name: "the entrypoint is shown as one string", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			several := len(sb.Entrypoint) > 1
			sb.Entrypoint = []string{strings.Join(sb.Entrypoint, " ")}
			return several
		})},
	}
}

// stateMutants show states, and when they began, in an order that can't be.
func stateMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-STATE-01", Name: "Pending again after Running, from a cache", API: relapses("Pending", "Running")},
		{Requirement: "LC-STATE-01", Name: "Failed is tried again", API: relapses("Pending", "Failed")},
		{Requirement: "LC-STATE-01", Name: "Stopping again after Terminated", API: relapses("Stopping", "Terminated")},
		{Requirement: "LC-STATE-01", Name: "Running again after Terminated", API: relapses("Running", "Terminated")},
		{Requirement: "LC-STATE-01", Name: "resume begins at Pending", API: replaced(func(c *calls, next calls, act func()) {
			var mu sync.Mutex
			left := map[string]int{} // how often a sandbox is still shown as Pending
			c.resume = func(ctx context.Context, id string) error {
				err := next.resume(ctx, id)
				if err == nil {
					mu.Lock()
					left[id] = 2
					mu.Unlock()
				}
				return err
			}
			c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
				sb, err := next.get(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && left[id] > 0 && in(sb, "Resuming", "Running") {
					act()
					left[id]--
					sb.Status.State = "Pending"
				}
				return sb, err
			}
		})},
		{Requirement: "LC-STATE-02", Wire: mutant.JSONBody(getSandbox, "lastTransitionAt is createdAt", func(sb map[string]any) {
			if status := member(sb, "status"); status != nil {
				status["lastTransitionAt"] = sb["createdAt"]
			}
		})},
		{Requirement: "LC-STATE-02", Name: "lastTransitionAt goes back", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			if !in(sb, "Running", "Paused") {
				return false
			}
			sb.Status.LastTransitionAt.SetTo(sb.Status.LastTransitionAt.Value.Add(-time.Hour))
			return true
		})},
	}
}

// relapses shows another state, once for each sandbox, at the second look at it in a state.
func relapses(to, state string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		var mu sync.Mutex
		looks := map[string]int{}
		c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
			sb, err := next.get(ctx, id)
			if err != nil || !in(sb, state) {
				return sb, err
			}
			mu.Lock()
			defer mu.Unlock()
			if looks[id]++; looks[id] == 2 {
				act()
				sb.Status.State = to
			}
			return sb, nil
		}
	})
}
