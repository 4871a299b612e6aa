package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Client speaks one API to one deployment, and has every exchange judged.
type Client struct {
	Document *spec.Document // nil: a service that no document describes
	Base     string         // URL without a slash at its end
	Headers  http.Header    // sent with every request: key, token, what an endpoint asks for
	HTTP     *http.Client
	Book     *Book
	Alive    func(context.Context) bool // whether the deployment still answers; asked where an exchange broke off
}

// ErrGone says that the deployment does not answer any more: what broke off then is no finding.
var ErrGone = errors.New("the deployment does not answer any more")

// Request is one request to make.
type Request struct {
	Scenario  string
	Operation *spec.Operation   // nil: Method and Path say it
	Path      map[string]string // values of the path parameters
	Method    string
	RawPath   string // beside Operation: taken as it is
	Query     string // as on the wire, without the question mark
	Header    http.Header
	Drop      []string // of Client.Headers
	Body      []byte
	Chunked   bool                    // send Body in chunks, without a length
	BodyFrom  io.Reader               // instead of Body: sent in chunks, not kept
	Fields    map[string]any          // Body as an object, where it is one
	OnEvent   func(stream.Event) bool // for a stream: false leaves it
	Limit     time.Duration           // instead of the deadline of answers and streams
	Rough     bool                    // the sandbox itself may break: a stream that breaks off then is no finding
	OpenEnd   bool                    // for a stream: it is going to be interrupted, and may end without a terminal event
	Endless   bool                    // for a stream: it ends when the suite hangs up, at the latest after Limit
}

// Do makes the request and returns the exchange, judged. Where there is no answer, or it broke off, Exchange.Err says
// so; the error is for requests that could not be made at all.
func (c *Client) Do(ctx context.Context, r Request) (*exchange.Exchange, error) {
	x := &exchange.Exchange{Document: c.Document, Operation: r.Operation, Scenario: r.Scenario, Fields: r.Fields, OpenEnd: r.OpenEnd, ContentLength: -1}
	sequenced := Streams(r.Operation)
	limit := r.Limit
	if limit == 0 {
		limit = c.Book.Deadlines.Answer
		if sequenced {
			limit = c.Book.Deadlines.Stream
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := c.request(ctx, r, x)
	if err != nil {
		return nil, err
	}
	x.Began = time.Now()
	resp, err := c.HTTP.Do(req)
	x.Ended = time.Now()
	if err != nil {
		x.Err = bare(err)
		return x, c.gone(ctx)
	}
	defer resp.Body.Close()
	x.Answered, x.Proto, x.Status, x.Header = x.Ended, resp.Proto, resp.StatusCode, resp.Header
	x.ContentLength, x.Encoding = resp.ContentLength, resp.TransferEncoding
	if x.Status == http.StatusOK && (sequenced || x.MediaType() == "text/event-stream") {
		leave := func(event stream.Event) {
			if r.OnEvent != nil && !x.Left && !r.OnEvent(event) {
				x.Left = true
				cancel()
			}
		}
		counted := &counter{Reader: resp.Body}
		x.Stream = StreamOptions(r.Operation).Read(ctx, counted, leave)
		x.Left = x.Left || r.Endless && ctx.Err() != nil
		x.BodySize = counted.n
	} else {
		kept := &bytes.Buffer{}
		x.BodySize, x.Err = io.Copy(&limited{kept, exchange.MaxBody}, resp.Body)
		x.Body = kept.Bytes()
	}
	x.Ended = time.Now()
	if x.Err != nil || x.Stream != nil && x.Stream.Err != nil && !x.Left {
		if err := c.gone(ctx); err != nil {
			return x, err
		}
	}
	if r.Rough {
		c.Book.learn(x)
	} else {
		c.Book.Judge(x)
	}
	return x, nil
}

// Streams says whether the success of an operation is an event stream and nothing else.
func Streams(op *spec.Operation) bool {
	if op == nil || op.Must.Responses.Value("200") == nil {
		return false
	}
	content := op.Must.Responses.Value("200").Value.Content
	return content.Get("text/event-stream") != nil && content.Get("application/json") == nil
}

// gone returns ErrGone where the deployment as a whole has stopped answering, or the run has ended.
func (c *Client) gone(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if c.Alive == nil || c.Alive(context.WithoutCancel(ctx)) {
		return nil
	}
	c.Book.Ballot.Stop(ErrGone.Error())
	return ErrGone
}

func (c *Client) request(ctx context.Context, r Request, x *exchange.Exchange) (*http.Request, error) {
	method, path := r.Method, r.RawPath
	if r.Operation != nil {
		if method == "" {
			method = r.Operation.Method
		}
		if path == "" {
			path = Fill(r.Operation.Path, r.Path)
		}
	}
	target := c.Base + path
	if r.Query != "" {
		target += "?" + r.Query
	}
	var body io.Reader
	switch {
	case r.BodyFrom != nil:
		body, x.RequestCut = r.BodyFrom, true
	case r.Body != nil && r.Chunked:
		body, x.RequestBody = io.MultiReader(bytes.NewReader(r.Body)), r.Body
	case r.Body != nil:
		body, x.RequestBody = bytes.NewReader(r.Body), r.Body
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make %s %s: %w", method, path, err)
	}
	for name, values := range c.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	for _, name := range r.Drop {
		req.Header.Del(name)
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	x.Method, x.URL, x.RequestHeader = method, target, req.Header.Clone()
	return req, nil
}

// JSON makes a body of a value.
func JSON(value any) ([]byte, http.Header) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("a body of the suite's own: %v", err))
	}
	return data, http.Header{"Content-Type": {"application/json"}}
}

// Object makes a request with an object as its body.
func Object(fields map[string]any) Request {
	data, header := JSON(fields)
	return Request{Body: data, Header: header, Fields: fields}
}

// Fill puts the parameters into a path template, escaped.
func Fill(template string, values map[string]string) string {
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			segments[i] = url.PathEscape(values[strings.TrimSuffix(name, "}")])
		}
	}
	return strings.Join(segments, "/")
}

// bare takes the URL out of a client's error: the exchange shows it.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// limited keeps the first bytes of what is written and takes the rest.
type limited struct {
	to   *bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	if room := l.most - l.to.Len(); room > 0 {
		l.to.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
