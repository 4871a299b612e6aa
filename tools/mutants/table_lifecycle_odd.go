package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// behaviourVariants do what is allowed, and the reference does not do.
func behaviourVariants() []Benign {
	return []Benign{
		{Name: "a state that the table does not have, before Running", API: firstLooks("Scheduling", 3, "Pending", "Running")},
		{Name: "a state that the table does not have, before Paused", API: firstLooks("Snapshotting", 2, "Pausing", "Paused")},
		{Name: "Pausing and Resuming are not shown", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			switch {
			case in(sb, "Pausing"):
				sb.Status.State = "Running"
			case in(sb, "Resuming"):
				sb.Status.State = "Paused"
			default:
				return false
			}
			return true
		}), Runtime: slowly(300 * time.Millisecond)},
		{Name: "Resuming is shown for long", API: firstLooks("Resuming", 3, "Resuming"), Runtime: slowly(300 * time.Millisecond)},
		{Name: "everything takes a second", Runtime: slowly(time.Second)},
		{Name: "deleting what is Pending is 409", Runtime: slowly(300 * time.Millisecond), API: deletesBy(conflict, pending)},
		{Name: "what has ended is 404 at once", API: endedIsGone("Terminated")},
		{Name: "what is ending is 404 at once", API: endedIsGone("Stopping", "Terminated")},
		{Name: "deleting again is 404", API: replaced(func(c *calls, next calls, act func()) {
			c.remove = func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, "Stopping", "Terminated") {
					act()
					return unknown()
				}
				return next.remove(ctx, id)
			}
		})},
		{Name: "ids that are no uuids", API: renamedIDs("sbx-")},
		{Name: "create looks for the image, and answers 400 itself", API: refusesAtOnce(imageCause, entrypointCause)},
		{Name: "entrypoints are looked at before the answer", API: refusesAtOnce(entrypointCause)},
	}
}

// firstLooks shows another state at the first n looks at a sandbox in some states, each time that it comes to them.
func firstLooks(to string, n int, states ...string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		var mu sync.Mutex
		looks := map[string]int{}
		c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
			sb, err := next.get(ctx, id)
			if err != nil {
				return sb, err
			}
			mu.Lock()
			defer mu.Unlock()
			if !in(sb, states...) {
				if looks[id] > 0 {
					looks[id] = n // Running may come again, after a pause
				}
				return sb, nil
			}
			if looks[id] < n {
				looks[id]++
				act()
				sb.Status.State = to
				sb.Status.LastTransitionAt.Reset()
			}
			return sb, nil
		}
	})
}

// endedIsGone forgets sandboxes as soon as they are in one of some states.
func endedIsGone(states ...string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		here := func(ctx context.Context, id string) error {
			sb, err := next.get(ctx, id)
			if err == nil && in(sb, states...) {
				act()
				return unknown()
			}
			return err
		}
		guarded := func(do func(context.Context, string) error) func(context.Context, string) error {
			return func(ctx context.Context, id string) error {
				if err := here(ctx, id); err != nil {
					return err
				}
				return do(ctx, id)
			}
		}
		c.remove, c.pause, c.resume = guarded(next.remove), guarded(next.pause), guarded(next.resume)
		c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
			sb, err := next.get(ctx, id)
			if err == nil && in(sb, states...) {
				act()
				return nil, unknown()
			}
			return sb, err
		}
		c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
			if err := here(ctx, id); err != nil {
				return time.Time{}, err
			}
			return next.renew(ctx, id, until)
		}
		c.endpoint = func(ctx context.Context, p endpointParams) (*lifecycleapi.Endpoint, error) {
			if err := here(ctx, p.SandboxId); err != nil {
				return nil, err
			}
			return next.endpoint(ctx, p)
		}
		c.list = listsOnly(next, func(sb *lifecycleapi.Sandbox) bool { return !in(sb, states...) })
	})
}

// listsOnly is a list, right in all else, of the sandboxes of which test is true.
func listsOnly(next calls, test func(*lifecycleapi.Sandbox) bool) func(context.Context, query) (*lifecycleapi.ListSandboxesResponse, error) {
	return func(ctx context.Context, q query) (*lifecycleapi.ListSandboxesResponse, error) {
		if _, err := next.list(ctx, q); err != nil {
			return nil, err
		}
		all, err := everything(ctx, next)
		if err != nil {
			return nil, err
		}
		return paged(slices.DeleteFunc(all, func(sb lifecycleapi.Sandbox) bool {
			return !test(&sb) || !stateMatches(q, &sb) || !metadataMatches(q, &sb)
		}), q), nil
	}
}

// refusesAtOnce answers 400 where a sandbox can't be made, and leaves nothing behind.
func refusesAtOnce(causes ...string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		var mu sync.Mutex
		gone := map[string]bool{}
		c.list = listsOnly(next, func(sb *lifecycleapi.Sandbox) bool {
			mu.Lock()
			defer mu.Unlock()
			return !gone[sb.ID] && !doomed(sb, causes)
		})
		c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
			res, err := next.create(ctx, req)
			if err != nil || !doubtful(req) { // others are answered as soon as ever
				return res, err
			}
			sb, err := await(ctx, next, res.Response.ID, settled)
			if err != nil || !doomed(sb, causes) {
				return res, err
			}
			act()
			mu.Lock()
			gone[sb.ID] = true
			mu.Unlock()
			return nil, httpapi.Errorf(http.StatusBadRequest, sb.Status.Reason.Value, "%s", sb.Status.Message.Value)
		}
	})
}

// doubtful says that a sandbox may be one that can't be made.
func doubtful(req *lifecycleapi.CreateSandboxRequest) bool {
	return req.Image.URI != "opensandbox/debian:local" || !slices.Contains([]string{"sh", "tail"}, req.Entrypoint[0])
}

func doomed(sb *lifecycleapi.Sandbox, causes []string) bool {
	return in(sb, "Failed") && slices.ContainsFunc(causes, func(cause string) bool {
		return strings.HasPrefix(sb.Status.Reason.Value, cause)
	})
}

// renamedIDs puts a prefix before every id.
func renamedIDs(prefix string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.showing(next, func() {}, func(sb *lifecycleapi.Sandbox) bool {
			sb.ID = prefix + sb.ID
			return true
		})
		plain := func(id string) string { return strings.TrimPrefix(id, prefix) }
		get := c.get
		c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) { return get(ctx, plain(id)) }
		c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
			res, err := next.create(ctx, req)
			if err == nil {
				act()
				res.Response.ID = prefix + res.Response.ID
				res.Location.SetTo("/v1/sandboxes/" + res.Response.ID)
			}
			return res, err
		}
		c.remove = func(ctx context.Context, id string) error { return next.remove(ctx, plain(id)) }
		c.pause = func(ctx context.Context, id string) error { return next.pause(ctx, plain(id)) }
		c.resume = func(ctx context.Context, id string) error { return next.resume(ctx, plain(id)) }
		c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
			return next.renew(ctx, plain(id), until)
		}
		c.endpoint = func(ctx context.Context, p endpointParams) (*lifecycleapi.Endpoint, error) {
			p.SandboxId = plain(p.SandboxId)
			return next.endpoint(ctx, p)
		}
	})
}
