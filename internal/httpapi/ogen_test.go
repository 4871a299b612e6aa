package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	goerrors "github.com/go-faster/errors"
	ht "github.com/ogen-go/ogen/http"
	"github.com/ogen-go/ogen/ogenerrors"
	"github.com/ogen-go/ogen/validate"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

func TestGeneratedErrorsBecomeAnswersForPeople(t *testing.T) {
	param := func(in, name string, err error) error {
		return &ogenerrors.DecodeParamsError{Err: &ogenerrors.DecodeParamError{Name: name, In: "path", Err: err}}
	}
	query := &ogenerrors.DecodeParamsError{Err: &ogenerrors.DecodeParamError{Name: "page", In: "query", Err: goerrors.Wrap(errors.New("bad number"), "parse")}}
	request := func(err error) error {
		return &ogenerrors.DecodeRequestError{Err: &ogenerrors.DecodeBodyError{ContentType: "application/json", Err: err}}
	}
	for _, c := range []struct {
		name   string
		err    error
		status int
		body   string // a part of it
	}{
		{"own", fmt.Errorf("handler: %w", httpapi.Errorf(409, "CONFLICT", "busy")), 409, `{"code":"CONFLICT","message":"busy"}`},
		{"not built", ht.ErrNotImplemented, 501, "NOT_IMPLEMENTED"},
		{"too large", request(&http.MaxBytesError{Limit: 7}), 413, "at most 7 bytes"},
		{"content type", &ogenerrors.DecodeRequestError{Err: validate.InvalidContentType("text/plain")}, 400, `type \"text/plain\"`},
		{"no content type", &ogenerrors.DecodeRequestError{Err: goerrors.Wrap(errors.New("mime: no media type"), "parse media type")}, 400, "INVALID_CONTENT_TYPE"},
		{"type", request(goerrors.Wrap(errors.New("unexpected byte 49 '1' at 11"), `decode field "command"`)), 400, `field command: this has another type (unexpected '1' at byte 11)`},
		{"not set", &ogenerrors.DecodeParamsError{Err: &ogenerrors.DecodeParamError{Name: "path", In: "query", Err: errors.New(`query parameter "path" not set`)}}, 400, `\"path\": is required`},
		{"no body", &ogenerrors.DecodeRequestError{Err: validate.ErrBodyRequired}, 400, "needs a body"},
		{"empty id", param("path", "id", validate.ErrFieldRequired), 404, "no id"},
		{"port", param("path", "port", errors.New("bad")), 400, `path parameter \"port\": bad`},
		{"query", query, 400, `query parameter \"page\": bad number`},
		{"query missing", &ogenerrors.DecodeParamsError{Err: &ogenerrors.DecodeParamError{Name: "path", In: "query", Err: validate.ErrFieldRequired}}, 400, `\"path\": is required`},
		{"field", request(goerrors.Wrap(goerrors.Wrap(errors.New("want a number"), `decode field "cpu"`), `decode field "limits"`)), 400, "field limits.cpu: want a number"},
		{"missing field", request(&validate.Error{Fields: []validate.FieldError{{Name: "command", Error: validate.ErrFieldRequired}}}), 400, "command (field required)"},
		{"joined", request(errors.Join(errors.New("first"), errors.New("second"))), 400, "first"},
		{"very long", request(errors.New(strings.Repeat("x", 70000))), 400, "xxx"},
		{"unknown", errors.New("disk of /secret is full"), 500, "INTERNAL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &bytes.Buffer{}
			w := httptest.NewRecorder()
			httpapi.OgenErrorHandler(slog.New(slog.NewTextHandler(log, nil)))(context.Background(), w, httptest.NewRequest("GET", "/", nil), c.err)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("%d %s, want %d and %s", w.Code, w.Body, c.status, c.body)
			}
			var e struct{ Code, Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Code == "" || len(e.Message) == 0 || len(e.Message) > 300 {
				t.Errorf("body %s", w.Body)
			}
			if logged := strings.Contains(log.String(), "/secret"); logged != (c.status == 500) || strings.Contains(w.Body.String(), "/secret") {
				t.Errorf("log %q, body %q", log, w.Body)
			}
		})
	}
}
