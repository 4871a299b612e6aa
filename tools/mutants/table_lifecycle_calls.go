package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// calls are the operations of the lifecycle API, each of which a fault may replace.
type calls struct {
	lifecycleapi.Handler // the rest

	create   func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error)
	get      func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error)
	list     func(ctx context.Context, q lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error)
	remove   func(ctx context.Context, id string) error
	pause    func(ctx context.Context, id string) error
	resume   func(ctx context.Context, id string) error
	renew    func(ctx context.Context, id string, until time.Time) (time.Time, error)
	endpoint func(ctx context.Context, p lifecycleapi.GetSandboxEndpointParams) (*lifecycleapi.Endpoint, error)
}

// decorateAPI is the type of Mutant.API.
type decorateAPI = func(next lifecycleapi.Handler, act func()) lifecycleapi.Handler

// replaced is a decorator that replaces operations: change sets those of c, and calls those of next.
func replaced(change func(c *calls, next calls, act func())) decorateAPI {
	return func(h lifecycleapi.Handler, act func()) lifecycleapi.Handler {
		next := callsOf(h)
		c := next
		change(&c, next, act)
		return &c
	}
}

func callsOf(h lifecycleapi.Handler) calls {
	return calls{
		Handler: h, create: h.CreateSandbox, list: h.ListSandboxes, endpoint: h.GetSandboxEndpoint,
		get: func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
			return h.GetSandbox(ctx, lifecycleapi.GetSandboxParams{SandboxId: id})
		},
		remove: func(ctx context.Context, id string) error {
			return h.DeleteSandbox(ctx, lifecycleapi.DeleteSandboxParams{SandboxId: id})
		},
		pause: func(ctx context.Context, id string) error {
			return h.PauseSandbox(ctx, lifecycleapi.PauseSandboxParams{SandboxId: id})
		},
		resume: func(ctx context.Context, id string) error {
			return h.ResumeSandbox(ctx, lifecycleapi.ResumeSandboxParams{SandboxId: id})
		},
		renew: func(ctx context.Context, id string, until time.Time) (time.Time, error) {
			res, err := h.RenewSandboxExpiration(ctx, &lifecycleapi.RenewSandboxExpirationRequest{ExpiresAt: until},
				lifecycleapi.RenewSandboxExpirationParams{SandboxId: id})
			if err != nil {
				return time.Time{}, err
			}
			return res.ExpiresAt, nil
		},
	}
}

func (c *calls) CreateSandbox(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
	return c.create(ctx, req)
}

func (c *calls) GetSandbox(ctx context.Context, p lifecycleapi.GetSandboxParams) (*lifecycleapi.Sandbox, error) {
	return c.get(ctx, p.SandboxId)
}

func (c *calls) ListSandboxes(ctx context.Context, p lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error) {
	return c.list(ctx, p)
}

func (c *calls) DeleteSandbox(ctx context.Context, p lifecycleapi.DeleteSandboxParams) error {
	return c.remove(ctx, p.SandboxId)
}

func (c *calls) PauseSandbox(ctx context.Context, p lifecycleapi.PauseSandboxParams) error {
	return c.pause(ctx, p.SandboxId)
}

func (c *calls) ResumeSandbox(ctx context.Context, p lifecycleapi.ResumeSandboxParams) error {
	return c.resume(ctx, p.SandboxId)
}

func (c *calls) RenewSandboxExpiration(ctx context.Context, req *lifecycleapi.RenewSandboxExpirationRequest, p lifecycleapi.RenewSandboxExpirationParams) (*lifecycleapi.RenewSandboxExpirationResponse, error) {
	until, err := c.renew(ctx, p.SandboxId, req.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &lifecycleapi.RenewSandboxExpirationResponse{ExpiresAt: until}, nil
}

func (c *calls) GetSandboxEndpoint(ctx context.Context, p lifecycleapi.GetSandboxEndpointParams) (*lifecycleapi.Endpoint, error) {
	return c.endpoint(ctx, p)
}

// showing changes sandboxes wherever they are shown; change says whether it did.
func (c *calls) showing(next calls, act func(), change func(sb *lifecycleapi.Sandbox) bool) {
	c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
		sb, err := next.get(ctx, id)
		if err == nil && change(sb) {
			act()
		}
		return sb, err
	}
	c.list = func(ctx context.Context, q lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error) {
		page, err := next.list(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if change(&page.Items[i]) {
				act()
			}
		}
		return page, nil
	}
}

// shows is a decorator that changes sandboxes wherever they are shown.
func shows(change func(sb *lifecycleapi.Sandbox) bool) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) { c.showing(next, act, change) })
}

// showsState shows other states in the place of those that from lists.
func showsState(to string, from ...string) decorateAPI {
	return shows(func(sb *lifecycleapi.Sandbox) bool {
		if !in(sb, from...) {
			return false
		}
		sb.Status.State = to
		return true
	})
}

func in(sb *lifecycleapi.Sandbox, states ...string) bool {
	return slices.Contains(states, sb.Status.State)
}

// await looks at a sandbox until test is true of it.
func await(ctx context.Context, next calls, id string, test func(*lifecycleapi.Sandbox) bool) (*lifecycleapi.Sandbox, error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		sb, err := next.get(ctx, id)
		if err != nil || test(sb) {
			return sb, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// settled says that a sandbox is not being provisioned any more.
func settled(sb *lifecycleapi.Sandbox) bool { return !in(sb, "Pending") }

// letPass lets time pass.
func letPass(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// statusOf is the status of the answer that an error becomes; 0: it was none.
func statusOf(err error) int {
	if refused := (*httpapi.Error)(nil); errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

func unknown() error {
	return httpapi.Errorf(http.StatusNotFound, "SANDBOX_NOT_FOUND", "there is no such sandbox; list the sandboxes to see which there are")
}

func conflict() error {
	return httpapi.Errorf(http.StatusConflict, "SANDBOX_BUSY", "the sandbox's state does not allow this now; try again later")
}

func refused() error {
	return httpapi.Errorf(http.StatusBadRequest, "INVALID_REQUEST", "this server does not take such a request; send another one")
}
