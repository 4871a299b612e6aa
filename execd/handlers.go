package execd

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// handler implements the generated interfaces; what it does not implement is answered 501.
type handler struct {
	execdapi.UnimplementedHandler
	commands *command.Manager
}

var (
	_ execdapi.Handler    = (*handler)(nil)
	_ execdapi.RawHandler = (*handler)(nil)
)

func (h *handler) Ping(context.Context) error { return nil }

func (h *handler) RunCommand(ctx context.Context, req *execdapi.RunCommandRequest, w http.ResponseWriter) error {
	if req.Background.Value {
		return httpapi.Errorf(http.StatusNotImplemented, "NOT_IMPLEMENTED", "commands in the background are not built yet: send background false, or leave it out")
	}
	c, err := h.commands.Start(commandSpec(req))
	if err != nil {
		return refused(err)
	}
	s := stream.NewWriter(ctx, w)
	defer s.Close()
	c.Stream(ctx, s)
	return nil
}

func commandSpec(req *execdapi.RunCommandRequest) command.Spec {
	spec := command.Spec{
		Command: req.Command,
		Dir:     req.Cwd.Value,
		Env:     req.Envs.Value,
		Timeout: milliseconds(req.Timeout.Value),
	}
	if id, ok := req.UID.Get(); ok {
		uid := uint32(id)
		spec.UID = &uid
	}
	if id, ok := req.Gid.Get(); ok {
		gid := uint32(id)
		spec.GID = &gid
	}
	return spec
}

// milliseconds is n ms, or the longest there is: some 292 years.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

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

// refused turns a fault into an answer. Other errors stay what they are: failures of the machine, 500.
func refused(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	e := &httpapi.Error{Message: f.Message, Err: f.Err}
	switch f.Kind {
	case fault.Missing:
		e.Status, e.Code = http.StatusNotFound, "NOT_FOUND"
	case fault.Unavailable:
		e.Status, e.Code = http.StatusServiceUnavailable, "UNAVAILABLE"
	case fault.Full:
		e.Status, e.Code = http.StatusInternalServerError, "NO_SPACE"
	default:
		e.Status, e.Code = http.StatusBadRequest, "INVALID_REQUEST"
	}
	return e
}
