package reference

import (
	"net/http"
	"net/url"
	"strings"

	lifecycleapi "github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

func createRequest(req *lifecycleapi.CreateSandboxRequest) sandbox.CreateRequest {
	r := sandbox.CreateRequest{
		Image:      req.Image.URI,
		Entrypoint: req.Entrypoint,
		Env:        req.Env.Value,
		Metadata:   req.Metadata.Value,
		Limits:     req.ResourceLimits,
	}
	if auth, ok := req.Image.Auth.Get(); ok {
		r.Auth = &runtime.Auth{Username: auth.Username.Value, Password: auth.Password.Value}
	}
	if seconds, ok := req.Timeout.Get(); ok {
		timeout := int64(seconds)
		r.Timeout = &timeout
	}
	return r
}

func created(sb *sandbox.Sandbox) lifecycleapi.CreateSandboxResponse {
	return lifecycleapi.CreateSandboxResponse{
		ID:         sb.ID,
		Status:     status(sb),
		CreatedAt:  sb.CreatedAt,
		ExpiresAt:  expiresAt(sb),
		Entrypoint: sb.Entrypoint,
		Metadata:   labels(sb),
	}
}

func shown(sb *sandbox.Sandbox) lifecycleapi.Sandbox {
	return lifecycleapi.Sandbox{
		ID:         sb.ID,
		Image:      lifecycleapi.NewOptSandboxImage(lifecycleapi.SandboxImage{URI: sb.Image}),
		Status:     status(sb),
		CreatedAt:  sb.CreatedAt,
		ExpiresAt:  expiresAt(sb),
		Entrypoint: sb.Entrypoint,
		Metadata:   labels(sb),
	}
}

func listed(page *sandbox.Page) *lifecycleapi.ListSandboxesResponse {
	items := make([]lifecycleapi.Sandbox, len(page.Items))
	for i, sb := range page.Items {
		items[i] = shown(sb)
	}
	return &lifecycleapi.ListSandboxesResponse{
		Items: items,
		Pagination: lifecycleapi.Pagination{
			Page: page.Page, PageSize: page.Size,
			TotalItems: page.TotalItems, TotalPages: page.TotalPages, HasNextPage: page.HasNext(),
		},
	}
}

func status(sb *sandbox.Sandbox) lifecycleapi.SandboxStatus {
	s := lifecycleapi.SandboxStatus{
		State:            string(sb.Status.State),
		LastTransitionAt: lifecycleapi.NewOptDateTime(sb.Status.LastTransitionAt),
	}
	if sb.Status.Reason != "" {
		s.Reason = lifecycleapi.NewOptString(sb.Status.Reason)
	}
	if sb.Status.Message != "" {
		s.Message = lifecycleapi.NewOptString(sb.Status.Message)
	}
	return s
}

func expiresAt(sb *sandbox.Sandbox) lifecycleapi.OptDateTime {
	if sb.ExpiresAt.IsZero() {
		return lifecycleapi.OptDateTime{}
	}
	return lifecycleapi.NewOptDateTime(sb.ExpiresAt)
}

func labels(sb *sandbox.Sandbox) lifecycleapi.OptLabels {
	if len(sb.Metadata) == 0 {
		return lifecycleapi.OptLabels{}
	}
	return lifecycleapi.NewOptLabels(sb.Metadata)
}

// metadataFilter reads the metadata parameter: a query string within the query
// string. Some clients encode it once more than others.
func metadataFilter(text string) (url.Values, error) {
	if !strings.Contains(text, "=") {
		if decoded, err := url.QueryUnescape(text); err == nil {
			text = decoded
		}
	}
	pairs, err := url.ParseQuery(text)
	if err != nil {
		return nil, badFilter()
	}
	for pair := range strings.SplitSeq(text, "&") {
		if key, _, ok := strings.Cut(pair, "="); pair != "" && (!ok || key == "") {
			return nil, badFilter()
		}
	}
	return pairs, nil
}

func badFilter() error {
	return httpapi.Errorf(http.StatusBadRequest, "INVALID_METADATA_FILTER",
		"metadata is not a list of pairs; write key=value&key=value, keys and values percent-encoded, and encode the whole once more")
}

// metadataPatch reads a merge patch, whichever content type it came with: nil
// where it says null.
func metadataPatch(req lifecycleapi.PatchSandboxMetadataReq) map[string]*string {
	var patch lifecycleapi.MetadataPatch
	switch req := req.(type) {
	case *lifecycleapi.PatchSandboxMetadataApplicationJSON:
		patch = lifecycleapi.MetadataPatch(*req)
	case *lifecycleapi.PatchSandboxMetadataApplicationMergePatchJSON:
		patch = lifecycleapi.MetadataPatch(*req)
	}
	changes := make(map[string]*string, len(patch))
	for key, value := range patch {
		changes[key] = nil
		if text, ok := value.Get(); ok {
			changes[key] = &text
		}
	}
	return changes
}
