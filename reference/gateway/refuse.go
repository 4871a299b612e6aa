package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// open says whether a request can be carried, and if not why. While a sandbox
// is not there yet it waits a little: clients that are told to come again wait
// for a second. Then, and while a sandbox is paused, the answer is 503 with a
// body: what clients that wait for it take for "not yet".
func (g *Gateway) open(ctx context.Context, route Route) (*sandbox.Sandbox, *httpapi.Error) {
	if route.Port == 0 {
		return nil, httpapi.Errorf(http.StatusBadRequest, "INVALID_PORT", "the path needs a port from 1 to 65535, as in /sandboxes/ID/port/8000/")
	}
	sb, err := g.sandboxes.Started(ctx, route.Sandbox, g.wait)
	if refused := (*sandbox.Error)(nil); errors.As(err, &refused) {
		return nil, httpapi.Errorf(http.StatusNotFound, refused.Code, "%s", refused.Message)
	}
	if err != nil {
		return nil, &httpapi.Error{Status: http.StatusBadGateway, Code: "SANDBOX_UNREACHABLE", Message: "the sandbox can't be reached", Err: err}
	}
	switch state := sb.Status.State; state {
	case sandbox.Running:
		return sb, nil
	case sandbox.Pending:
		return nil, later("SANDBOX_NOT_READY", "the sandbox is not there yet; try again soon")
	case sandbox.Pausing, sandbox.Paused, sandbox.Resuming:
		return nil, later("SANDBOX_PAUSED", "the sandbox is "+string(state)+"; resume it and wait until it is Running")
	default:
		return nil, httpapi.Errorf(http.StatusBadGateway, "SANDBOX_NOT_RUNNING", "the sandbox is %s (%s); create another one", state, sb.Status.Reason)
	}
}

func later(code, message string) *httpapi.Error {
	return &httpapi.Error{Status: http.StatusServiceUnavailable, Code: code, Message: message, Header: http.Header{"Retry-After": {"1"}}}
}
