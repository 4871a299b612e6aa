package execd

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func (h *handler) CreateSession(_ context.Context, req execdapi.OptCreateSessionRequest) (*execdapi.CreateSessionResponse, error) {
	id, err := h.sessions.Create(req.Value.Cwd.Value)
	if err != nil {
		return nil, refused(err)
	}
	return &execdapi.CreateSessionResponse{SessionID: id}, nil
}

func (h *handler) RunInSession(ctx context.Context, req *execdapi.RunInSessionRequest, params execdapi.RunInSessionParams, w http.ResponseWriter) error {
	run, err := h.sessions.Run(params.SessionId, session.Spec{
		Command: req.Command,
		Dir:     req.Cwd.Value,
		Timeout: milliseconds(req.Timeout.Value),
	})
	if err != nil {
		return refused(err)
	}
	s := stream.NewWriter(ctx, w)
	defer s.Close()
	run.Stream(ctx, s)
	return nil
}

func (h *handler) DeleteSession(_ context.Context, params execdapi.DeleteSessionParams) error {
	return refused(h.sessions.Delete(params.SessionId))
}
