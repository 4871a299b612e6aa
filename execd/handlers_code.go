package execd

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func (h *handler) CreateCodeContext(ctx context.Context, req *execdapi.CreateCodeContextRequest) (*execdapi.CodeContext, error) {
	c, err := h.code.Create(ctx, req.Language.Value)
	if err != nil {
		return nil, refused(err)
	}
	return codeContext(c), nil
}

func (h *handler) ListContexts(_ context.Context, params execdapi.ListContextsParams) ([]execdapi.CodeContext, error) {
	contexts, err := h.code.List(params.Language.Value)
	if err != nil {
		return nil, refused(err)
	}
	list := make([]execdapi.CodeContext, len(contexts))
	for i, c := range contexts {
		list[i] = *codeContext(c)
	}
	return list, nil
}

func (h *handler) GetContext(_ context.Context, params execdapi.GetContextParams) (*execdapi.CodeContext, error) {
	c, err := h.code.Get(params.ContextID)
	if err != nil {
		return nil, refused(err)
	}
	return codeContext(c), nil
}

func (h *handler) DeleteContext(_ context.Context, params execdapi.DeleteContextParams) error {
	return refused(h.code.Delete(params.ContextID))
}

func (h *handler) DeleteContextsByLanguage(_ context.Context, params execdapi.DeleteContextsByLanguageParams) error {
	return refused(h.code.DeleteLanguage(params.Language))
}

func (h *handler) InterruptCode(_ context.Context, params execdapi.InterruptCodeParams) error {
	return refused(h.code.Interrupt(params.ID))
}

func (h *handler) RunCode(ctx context.Context, req *execdapi.RunCodeRequest, w http.ResponseWriter) error {
	if !req.Context.Set {
		return h.runShell(ctx, req.Code, w)
	}
	in := req.Context.Value
	var c *code.Context
	var err error
	if in.ID.Value != "" {
		c, err = h.code.In(in.ID.Value, in.Language)
	} else {
		c, err = h.code.Default(ctx, in.Language)
	}
	if err != nil {
		return refused(err)
	}
	s := stream.NewWriter(ctx, w)
	defer s.Close()
	c.Run(ctx, req.Code, s)
	return nil
}

// runShell runs code that has no context as a command.
func (h *handler) runShell(ctx context.Context, text string, w http.ResponseWriter) error {
	c, err := h.commands.Start(command.Spec{Command: text})
	if err != nil {
		return refused(err)
	}
	s := stream.NewWriter(ctx, w)
	defer s.Close()
	c.Stream(ctx, s)
	return nil
}

func codeContext(c *code.Context) *execdapi.CodeContext {
	return &execdapi.CodeContext{ID: execdapi.NewOptString(c.ID), Language: c.Language}
}
