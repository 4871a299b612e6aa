package execd

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

func (h *handler) GetFilesInfo(_ context.Context, params execdapi.GetFilesInfoParams) (execdapi.GetFilesInfoOK, error) {
	infos, err := files.Info(params.Path)
	return infos, refused(err)
}

func (h *handler) RemoveFiles(_ context.Context, params execdapi.RemoveFilesParams) error {
	return refused(files.Remove(params.Path))
}

func (h *handler) ChmodFiles(_ context.Context, req execdapi.ChmodFilesReq) error {
	return refused(files.SetPermissions(req))
}

func (h *handler) RenameFiles(ctx context.Context, req []execdapi.RenameFileItem) error {
	return refused(files.Move(ctx, req))
}

func (h *handler) SearchFiles(ctx context.Context, params execdapi.SearchFilesParams, w http.ResponseWriter) error {
	return writeTree(w)(files.Search(ctx, params.Path, params.Pattern.Or("**")))
}

// writeTree answers with what was found as it is found: there may be very much of it.
func writeTree(w http.ResponseWriter) func(*files.Tree, error) error {
	return func(tree *files.Tree, err error) error {
		if err != nil {
			return refused(err)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		out := bufio.NewWriterSize(w, 64<<10)
		if tree.WriteJSON(out) == nil { // an error is that the client has gone away
			_ = out.Flush()
		}
		return nil
	}
}

// ReplaceContent is raw as its answer is empty unless verbose asked for the counts.
func (h *handler) ReplaceContent(ctx context.Context, req execdapi.ReplaceContentReq, params execdapi.ReplaceContentParams, w http.ResponseWriter) error {
	counts, err := files.Replace(ctx, req)
	if err != nil {
		return refused(err)
	}
	if !params.Verbose.Value {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	body, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that has gone away needs no answer
	return nil
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
