package reference

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"

	lifecycleapi "github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// API implements the operations of the lifecycle YAML over a Manager. It
// translates and holds no rule.
type API struct {
	Sandboxes *sandbox.Manager
	// PublicAddress is the host and port at which clients reach the gateway, as
	// it stands in endpoints. Empty: the Host header of the request.
	PublicAddress string
}

var _ lifecycleapi.Handler = (*API)(nil)

// CreateSandbox is POST /sandboxes.
func (a *API) CreateSandbox(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
	sb, err := a.Sandboxes.Create(ctx, createRequest(req))
	if err != nil {
		return nil, wireError(err)
	}
	return &lifecycleapi.CreateSandboxResponseHeaders{
		Location: lifecycleapi.NewOptString(basePath + "/sandboxes/" + sb.ID),
		Response: created(sb),
	}, nil
}

// ListSandboxes is GET /sandboxes.
func (a *API) ListSandboxes(_ context.Context, params lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error) {
	metadata, err := metadataFilter(params.Metadata.Or(""))
	if err != nil {
		return nil, err
	}
	page, err := a.Sandboxes.List(sandbox.Query{
		States: params.State, Metadata: metadata,
		Page: params.Page.Or(1), PageSize: params.PageSize.Or(20),
	})
	if err != nil {
		return nil, wireError(err)
	}
	return listed(page), nil
}

// GetSandbox is GET /sandboxes/{sandboxId}.
func (a *API) GetSandbox(_ context.Context, params lifecycleapi.GetSandboxParams) (*lifecycleapi.Sandbox, error) {
	sb, err := a.Sandboxes.Get(params.SandboxId)
	if err != nil {
		return nil, wireError(err)
	}
	shown := shown(sb)
	return &shown, nil
}

// DeleteSandbox is DELETE /sandboxes/{sandboxId}.
func (a *API) DeleteSandbox(ctx context.Context, params lifecycleapi.DeleteSandboxParams) error {
	return wireError(a.Sandboxes.Delete(ctx, params.SandboxId))
}

// PauseSandbox is POST /sandboxes/{sandboxId}/pause.
func (a *API) PauseSandbox(ctx context.Context, params lifecycleapi.PauseSandboxParams) error {
	return wireError(a.Sandboxes.Pause(ctx, params.SandboxId))
}

// ResumeSandbox is POST /sandboxes/{sandboxId}/resume.
func (a *API) ResumeSandbox(ctx context.Context, params lifecycleapi.ResumeSandboxParams) error {
	return wireError(a.Sandboxes.Resume(ctx, params.SandboxId))
}

// RenewSandboxExpiration is POST /sandboxes/{sandboxId}/renew-expiration.
func (a *API) RenewSandboxExpiration(ctx context.Context, req *lifecycleapi.RenewSandboxExpirationRequest, params lifecycleapi.RenewSandboxExpirationParams) (*lifecycleapi.RenewSandboxExpirationResponse, error) {
	until, err := a.Sandboxes.Renew(ctx, params.SandboxId, req.ExpiresAt)
	if err != nil {
		return nil, wireError(err)
	}
	return &lifecycleapi.RenewSandboxExpirationResponse{ExpiresAt: until}, nil
}

// PatchSandboxMetadata is PATCH /sandboxes/{sandboxId}/metadata.
func (a *API) PatchSandboxMetadata(ctx context.Context, req lifecycleapi.PatchSandboxMetadataReq, params lifecycleapi.PatchSandboxMetadataParams) (*lifecycleapi.Sandbox, error) {
	sb, err := a.Sandboxes.Patch(ctx, params.SandboxId, metadataPatch(req))
	if err != nil {
		return nil, wireError(err)
	}
	shown := shown(sb)
	return &shown, nil
}

// GetSandboxEndpoint is GET /sandboxes/{sandboxId}/endpoints/{port}. All ports
// are reached through this server, whatever use_server_proxy says.
func (a *API) GetSandboxEndpoint(ctx context.Context, params lifecycleapi.GetSandboxEndpointParams) (*lifecycleapi.Endpoint, error) {
	access, err := a.Sandboxes.Access(params.SandboxId, params.Port)
	if err != nil {
		return nil, wireError(err)
	}
	endpoint := &lifecycleapi.Endpoint{
		Endpoint: a.address(ctx) + "/sandboxes/" + params.SandboxId + "/port/" + strconv.Itoa(params.Port),
	}
	if access.Token != "" {
		endpoint.Headers = lifecycleapi.NewOptEndpointHeaders(lifecycleapi.EndpointHeaders{sandbox.TokenHeader: access.Token})
	}
	return endpoint, nil
}

// address is where the client reaches this server: the address that it used,
// unless one was set.
func (a *API) address(ctx context.Context) string {
	if a.PublicAddress != "" {
		return a.PublicAddress
	}
	r := httpapi.RequestFrom(ctx)
	if r != nil && r.Host != "" {
		return r.Host
	}
	// HTTP/1.0 has no Host header.
	if local, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr); ok {
		return local.String()
	}
	return "localhost"
}

// wireError puts an error of the domain into one of HTTP. What is not a
// refusal stays as it is and becomes a 500.
func wireError(err error) error {
	refused := (*sandbox.Error)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	status := map[sandbox.Kind]int{
		sandbox.Invalid:     http.StatusBadRequest,
		sandbox.NotFound:    http.StatusNotFound,
		sandbox.Conflict:    http.StatusConflict,
		sandbox.Unavailable: http.StatusServiceUnavailable,
	}[refused.Kind]
	return httpapi.Errorf(status, refused.Code, "%s", refused.Message)
}
