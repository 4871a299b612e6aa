package execd

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

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
