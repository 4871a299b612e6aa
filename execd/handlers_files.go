package execd

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

func (h *handler) GetFilesInfo(_ context.Context, params execdapi.GetFilesInfoParams) (execdapi.GetFilesInfoOK, error) {
	infos, err := files.Info(params.Path)
	return infos, refused(err)
}

func (h *handler) UploadFile(ctx context.Context, _ *execdapi.UploadFileReqWithContentType) error {
	r := httpapi.RequestFrom(ctx) // the generated request has lost the boundary
	return refused(files.Upload(r.Header.Get("Content-Type"), r.Body))
}

func (h *handler) DownloadFile(ctx context.Context, params execdapi.DownloadFileParams, w http.ResponseWriter) error {
	if !params.Offset.Set && !params.Limit.Set {
		return refused(files.Download(w, httpapi.RequestFrom(ctx), params.Path))
	}
	if params.Range.Set {
		return httpapi.Errorf(http.StatusBadRequest, "INVALID_REQUEST", "send either a Range or offset and limit: bytes or lines")
	}
	return refused(files.DownloadLines(w, params.Path, params.Offset.Or(1), params.Limit.Or(0)))
}
