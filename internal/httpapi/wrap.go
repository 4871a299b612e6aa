package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Config says what Wrap puts around a handler. The zero value is open to anyone and logs to slog.Default().
type Config struct {
	Log         *slog.Logger  // nil: slog.Default()
	AccessLevel slog.Level    // of the line for each request; failures (500 and more, but for 501) are at least warnings
	KeyHeader   string        // the header that carries the key
	Keys        []string      // the keys that are taken; none: open to anyone
	RequestID   bool          // answer with X-Request-ID
	MaxJSONBody int64         // bytes of a body that isn't multipart; 0: 1 MiB
	BodyTimeout time.Duration // for such a body to arrive; 0: 30 s

	// Admit is asked about a request that may be served, with its key ("" where none is asked for), before anything else
	// in it is looked at; what it returns is the answer. Nil: all are admitted.
	Admit func(key string) *Error
	// Observe is told of each request when it was answered, and the status: 499 where the client went away before its
	// answer began. Nil: nobody.
	Observe func(r *http.Request, status int, took time.Duration)

	// Passthrough picks requests that are only carried on, such as a gateway's: they get a request id, a
	// line in the log and recovery, and nothing in them is checked or read. Nil: none.
	Passthrough func(*http.Request) bool
	// KeyOnly picks requests that are carried on for those who have the key: it is asked for, and nothing else in
	// them is checked or read. Nil: none.
	KeyOnly func(*http.Request) bool
}

// Wrap puts the chain around h, outermost first: request id, access log, recovery, key, path and query,
// body. The key is asked for before anything of the request is judged or its body read.
func Wrap(h http.Handler, c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.MaxJSONBody == 0 {
		c.MaxJSONBody = 1 << 20
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = 30 * time.Second
	}
	ch := &chain{Config: c, next: h}
	for _, k := range c.Keys {
		ch.sums = append(ch.sums, sha256.Sum256([]byte(k)))
	}
	return ch
}

type chain struct {
	Config
	next http.Handler
	sums [][sha256.Size]byte
}

func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w, body: r.Body}
	id := ""
	if c.RequestID {
		id = requestID(r)
		w.Header().Set("X-Request-ID", id)
	}
	defer c.finish(r, rec, id, start)
	defer c.recover(r, rec, id)

	in := &incoming{id: id}
	r = r.WithContext(context.WithValue(r.Context(), incomingKey{}, in))
	in.request = r
	if c.Passthrough == nil || !c.Passthrough(r) {
		if e := c.check(rec, r); e != nil {
			WriteError(rec, e)
			return
		}
	}
	c.next.ServeHTTP(rec, r)
}

// check holds every rule that comes before the handler, the key first.
func (c *chain) check(w http.ResponseWriter, r *http.Request) *Error {
	if !c.keyed(r.Header.Get(c.KeyHeader)) {
		return Errorf(http.StatusUnauthorized, "UNAUTHORIZED", "send a valid key in the header %s", c.KeyHeader)
	}
	if c.Admit != nil {
		key := ""
		if len(c.sums) > 0 {
			key = r.Header.Get(c.KeyHeader)
		}
		if e := c.Admit(key); e != nil {
			return e
		}
	}
	if c.KeyOnly != nil && c.KeyOnly(r) {
		return nil
	}
	if strings.IndexByte(r.URL.Path, 0) >= 0 || !utf8.ValidString(r.URL.Path) {
		return Errorf(http.StatusBadRequest, "INVALID_PATH", "the path must be UTF-8 and hold no NUL byte")
	}
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return err
	}
	return c.checkBody(w, r)
}

// keyed compares with every key in a time that says nothing about any of them.
func (c *chain) keyed(given string) bool {
	if len(c.sums) == 0 {
		return true
	}
	sum := sha256.Sum256([]byte(given))
	match := 0
	for i := range c.sums {
		match |= subtle.ConstantTimeCompare(sum[:], c.sums[i][:])
	}
	return match == 1 && given != ""
}

// checkQuery refuses what r.URL.Query() would drop in silence, which turns a filter into no filter.
func checkQuery(raw string) *Error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return Errorf(http.StatusBadRequest, "INVALID_QUERY", "the query string can't be read: %s", clip(err.Error(), 150))
	}
	for name, vs := range values {
		for _, v := range append(vs, name) {
			if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
				return Errorf(http.StatusBadRequest, "INVALID_QUERY", "query parameter %q must be UTF-8 and hold no NUL byte", clip(name, 100))
			}
		}
	}
	return nil
}

func (c *chain) recover(r *http.Request, rec *recorder, id string) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	c.Log.Error("panic while serving", "method", r.Method, "path", r.URL.Path, "request_id", id, "panic", p, "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler) // what was begun must not look complete
	}
	WriteError(rec, Errorf(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error; the log of the server has the cause"))
}

// statusClientGone is no status of HTTP: nothing was answered, as nobody was there to read it.
const statusClientGone = 499

// finish tells of a request that was answered.
func (c *chain) finish(r *http.Request, rec *recorder, id string, start time.Time) {
	status, took := rec.status, time.Since(start)
	switch {
	case status != 0:
	case r.Context().Err() != nil:
		status = statusClientGone
	default: // the handler wrote nothing: net/http answers 200 for it
		status = http.StatusOK
	}
	if c.Observe != nil {
		c.Observe(r, status, took)
	}
	level := c.AccessLevel
	if status >= 500 && status != http.StatusNotImplemented && level < slog.LevelWarn {
		level = slog.LevelWarn
	}
	if !c.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status), slog.Duration("took", took)}
	if id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	c.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID takes the caller's id where it is a UUID in its usual form, else makes one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-ID"); len(id) == 36 && uuid.Validate(id) == nil {
		return id
	}
	return uuid.NewString()
}

type incomingKey struct{}

type incoming struct {
	id      string
	request *http.Request
}

// RequestFrom gives the request that the chain is serving, for handlers that read the body by themselves
// (multipart). Nil outside of Wrap.
func RequestFrom(ctx context.Context) *http.Request {
	if in, ok := ctx.Value(incomingKey{}).(*incoming); ok {
		return in.request
	}
	return nil
}

// RequestIDFrom gives the id of the request that the chain is serving, "" where there is none.
func RequestIDFrom(ctx context.Context) string {
	if in, ok := ctx.Value(incomingKey{}).(*incoming); ok {
		return in.id
	}
	return ""
}
