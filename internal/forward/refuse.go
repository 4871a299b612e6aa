package forward

import (
	"errors"
	"net"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// unreachableError is the error of a connection that was not made.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return "connect: " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// failed answers when the service could not be reached, or broke off before its answer began.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	c := r.Context().Value(carriedKey{}).(*carried)
	if c.requestID != "" {
		w.Header().Set(requestIDHeader, c.requestID)
	}
	switch {
	case p.open.Err() != nil:
		httpapi.WriteError(w, httpapi.Errorf(http.StatusServiceUnavailable, "UNAVAILABLE", "what carries requests to the sandbox's ports is stopping"))
		return
	case r.Context().Err() != nil:
		return // the client is gone, and nobody reads an answer
	}
	p.Log.DebugContext(r.Context(), "a request could not be carried", "place", c.Place, "port", c.Port, "error", err)
	httpapi.WriteError(w, refusal(err, c.Port))
}

// refusal says why a request was not answered by the service on port.
func refusal(err error, port int) *httpapi.Error {
	var (
		timeout     net.Error
		unreachable *unreachableError
	)
	switch {
	case errors.As(err, &unreachable):
		return httpapi.Errorf(http.StatusBadGateway, "PORT_UNREACHABLE", "nothing in the sandbox answers on port %d; start the service, or try again when it runs", port)
	case errors.As(err, &timeout) && timeout.Timeout():
		return httpapi.Errorf(http.StatusGatewayTimeout, "SERVICE_TIMEOUT", "the service on port %d took too long to answer", port)
	default:
		return httpapi.Errorf(http.StatusBadGateway, "SERVICE_BROKE_OFF", "the service on port %d ended the connection without a proper answer", port)
	}
}
