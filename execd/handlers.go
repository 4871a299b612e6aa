package execd

import (
	"context"
	"errors"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/command"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/metrics"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/session"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// handler implements the generated interfaces; what it does not implement is answered 501.
type handler struct {
	execdapi.UnimplementedHandler
	commands *command.Manager
	code     *code.Manager
	metrics  *metrics.Sampler
	sessions *session.Manager
}

var (
	_ execdapi.Handler    = (*handler)(nil)
	_ execdapi.RawHandler = (*handler)(nil)
)

func (h *handler) Ping(context.Context) error { return nil }

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
