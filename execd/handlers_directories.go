package execd

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func (h *handler) ListDirectory(ctx context.Context, params execdapi.ListDirectoryParams, w http.ResponseWriter) error {
	return writeTree(w)(files.List(ctx, params.Path, params.Depth.Or(1)))
}

func (h *handler) MakeDirs(_ context.Context, req execdapi.MakeDirsReq) error {
	return refused(files.MakeDirs(req))
}

func (h *handler) RemoveDirs(_ context.Context, params execdapi.RemoveDirsParams) error {
	return refused(files.RemoveDirs(params.Path))
}
