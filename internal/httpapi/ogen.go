package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	ht "github.com/ogen-go/ogen/http"
	"github.com/ogen-go/ogen/ogenerrors"
	"github.com/ogen-go/ogen/validate"
)

// OgenErrorHandler gives the generated servers' error handler: an *Error as it is, a mistake of the caller
// as 400 in words for people, and everything else as 500 whose cause is in the log only. Nil log: slog.Default().
func OgenErrorHandler(log *slog.Logger) func(ctx context.Context, w http.ResponseWriter, r *http.Request, err error) {
	if log == nil {
		log = slog.Default()
	}
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, err error) {
		e := fromOgen(err)
		if e.Status >= 500 && e.Status != http.StatusNotImplemented && ctx.Err() == nil {
			log.Error("request failed", "method", r.Method, "path", r.URL.Path, "request_id", RequestIDFrom(ctx), "error", causeOf(e))
		}
		WriteError(w, e)
	}
}

func causeOf(e *Error) error {
	if e.Err != nil {
		return e.Err
	}
	return e
}

func fromOgen(err error) *Error {
	var (
		own     *Error
		large   *http.MaxBytesError
		media   *validate.InvalidContentTypeError
		params  *ogenerrors.DecodeParamsError
		param   *ogenerrors.DecodeParamError
		request *ogenerrors.DecodeRequestError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, ht.ErrNotImplemented):
		return Errorf(http.StatusNotImplemented, "NOT_IMPLEMENTED", "this operation is not built yet")
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.As(err, &media):
		return Errorf(http.StatusBadRequest, "INVALID_CONTENT_TYPE", "this operation does not take a body of type %q", clip(media.ContentType, 100))
	case errors.Is(err, validate.ErrBodyRequired):
		return Errorf(http.StatusBadRequest, "INVALID_BODY", "this operation needs a body")
	case errors.As(err, &params):
		if errors.As(err, &param) {
			if param.In == "path" && errors.Is(err, validate.ErrFieldRequired) { // GET /things/ is no thing
				return Errorf(http.StatusNotFound, "NOT_FOUND", "the path names no %s", param.Name)
			}
			return Errorf(http.StatusBadRequest, "INVALID_PARAMETER", "%s parameter %q: %s", param.In, param.Name, humanCause(param.Err))
		}
		return Errorf(http.StatusBadRequest, "INVALID_PARAMETER", "%s", humanCause(params.Err))
	case errors.As(err, &request) && strings.HasPrefix(request.Err.Error(), "parse media type"):
		return Errorf(http.StatusBadRequest, "INVALID_CONTENT_TYPE", "the header Content-Type is missing, or names no type")
	case errors.As(err, &request):
		return Errorf(http.StatusBadRequest, "INVALID_BODY", "%s", humanCause(request.Err))
	default:
		return &Error{Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: "internal error; the log of the server has the cause", Err: err}
	}
}

var unexpectedByte = regexp.MustCompile(`^unexpected byte \d+ ('.*') at (\d+)$`)

var decodeField = regexp.MustCompile(`decode field ("(?:[^"\\]|\\.)*"|\S+?):`)

// humanCause turns a decoder's chain of wrappings into the names of the fields and the last cause, short
// enough to read: the generated messages quote Go types and can be very long.
func humanCause(err error) string {
	if err == nil {
		return "can't be read"
	}
	var names []string
	for _, m := range decodeField.FindAllStringSubmatch(head(err.Error(), 2000), 8) {
		names = append(names, clip(strings.Trim(m[1], `"`), 60))
	}
	cause := err
	for {
		next := errors.Unwrap(cause)
		if many, ok := cause.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 {
			next = many.Unwrap()[0]
		}
		if next == nil {
			break
		}
		cause = next
	}
	message := clip(cause.Error(), 160)
	message = unexpectedByte.ReplaceAllString(message, "this has another type (unexpected $1 at byte $2)")
	if cause == validate.ErrFieldRequired || strings.HasSuffix(message, "not set") {
		message = "is required"
	}
	if len(names) > 0 {
		message = "field " + clip(strings.Join(names, "."), 120) + ": " + message
	}
	return message
}

func head(s string, n int) string { return s[:min(len(s), n)] }
