package httpapi

import (
	"io"
	"net/http"
)

// recorder remembers the status of an answer. It hides nothing of the writer below: flushing, deadlines
// and hijacking go through Unwrap, and ReadFrom keeps sendfile.
type recorder struct {
	http.ResponseWriter
	status int       // 0 until the answer has begun
	body   io.Reader // of the request
}

var _ io.ReaderFrom = (*recorder)(nil)

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) { // other 1xx are only the prelude
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.begin()
	return r.ResponseWriter.Write(p)
}

func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	r.begin()
	return io.Copy(r.ResponseWriter, src)
}

// Flush is here for those who ask for an http.Flusher by type.
func (r *recorder) Flush() {
	r.begin()
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

func (r *recorder) FlushError() error {
	r.begin()
	return http.NewResponseController(r.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) begin() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
}

// Begun tells whether the answer on w has begun, as far as the chain of Wrap can see: false where w does
// not come from it.
func Begun(w http.ResponseWriter) bool {
	rec := recorderOf(w)
	return rec != nil && rec.status != 0
}

// recorderOf finds the recorder below wrappers; nil where w does not come from the chain of Wrap.
func recorderOf(w http.ResponseWriter) *recorder {
	for {
		if r, ok := w.(*recorder); ok {
			return r
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = u.Unwrap()
	}
}

// Direct peels off wrappers, such as the generated code's, that would hide the io.ReaderFrom of the writer
// below and so lose sendfile. The status stays recorded.
func Direct(w http.ResponseWriter) http.ResponseWriter {
	for at := w; ; {
		if _, ok := at.(io.ReaderFrom); ok {
			return at
		}
		u, ok := at.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		at = u.Unwrap()
	}
}
