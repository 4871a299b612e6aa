package execd

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func (h *handler) RunCommand(ctx context.Context, req *execdapi.RunCommandRequest, w http.ResponseWriter) error {
	c, err := h.commands.Start(commandSpec(req))
	if err != nil {
		return refused(err)
	}
	s := stream.NewWriter(ctx, w)
	defer s.Close()
	c.Stream(ctx, s)
	return nil
}

func (h *handler) InterruptCommand(_ context.Context, params execdapi.InterruptCommandParams) error {
	return refused(h.commands.Interrupt(params.ID))
}

func (h *handler) GetCommandStatus(ctx context.Context, params execdapi.GetCommandStatusParams) (*execdapi.CommandStatus, error) {
	status, err := h.commands.Status(ctx, params.Session)
	if err != nil {
		return nil, refused(err)
	}
	return commandStatus(status), nil
}

func commandSpec(req *execdapi.RunCommandRequest) command.Spec {
	spec := command.Spec{
		Command: req.Command,
		Dir:     req.Cwd.Value,
		Env:     req.Envs.Value,
		Timeout: milliseconds(req.Timeout.Value),

		Background: req.Background.Value,
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

func commandStatus(s command.Status) *execdapi.CommandStatus {
	out := &execdapi.CommandStatus{
		ID:        execdapi.NewOptString(s.ID),
		Session:   execdapi.NewOptString(s.ID),
		Content:   execdapi.NewOptString(s.Command),
		Running:   execdapi.NewOptBool(s.Exit == nil),
		StartedAt: execdapi.NewOptDateTime(s.Started.UTC()),
	}
	if s.Exit != nil {
		out.ExitCode = execdapi.NewOptNilInt32(int32(s.Exit.Code()))
		out.FinishedAt = execdapi.NewOptNilDateTime(s.Exit.Finished.UTC())
		if s.Exit.Code() != 0 {
			out.Error = execdapi.NewOptString(s.Exit.Reason())
		}
	}
	return out
}
