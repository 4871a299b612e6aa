package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Judge returns every breach of the documents in an answer. An exchange with no answer, and one with a service that
// no document describes, has none. Of a request for no operation it looks at the headers; Refusal is about the body.
func Judge(e *exchange.Exchange) []Breach {
	if e.Document == nil || !e.Answer() {
		return nil
	}
	j := &judgement{e: e}
	var mustOp, shouldOp *openapi3.Operation
	if e.Operation != nil {
		mustOp, shouldOp = e.Operation.Must, e.Operation.Should
	}
	must := e.Document.Response(e.Document.Must, mustOp, e.Status)
	should := e.Document.Response(e.Document.Should, shouldOp, e.Status)
	if must == nil {
		j.undocumented()
		return j.breaches
	}
	level := spec.Must
	if e.Operation == nil {
		level = spec.Should // how an unknown path or method is refused is good practice
	}
	j.headers(level, must)
	if e.Operation != nil {
		j.body(level, must, should)
	}
	if len(j.breaches) == 0 {
		j.headers(spec.Should, should)
	}
	return j.breaches
}

// Refusal returns the breaches in the body of an answer that refuses a request, also one for no operation.
func Refusal(e *exchange.Exchange) []Breach {
	j := &judgement{e: e}
	must, should := e.Document.Response(e.Document.Must, nil, e.Status), e.Document.Response(e.Document.Should, nil, e.Status)
	if must == nil {
		j.undocumented()
		return j.breaches
	}
	j.body(spec.Should, must, should)
	return j.breaches
}

type judgement struct {
	e        *exchange.Exchange
	breaches []Breach
}

func (j *judgement) add(b Breach) {
	if !slices.Contains(j.breaches, b) {
		j.breaches = append(j.breaches, b)
	}
}

func (j *judgement) undocumented() {
	where, known := "any request", []string{}
	var origin *openapi3.Origin
	if op := j.e.Operation; op != nil {
		where, origin = op.String(), op.Must.Origin
		for status := range op.Must.Responses.Map() {
			known = append(known, status)
		}
	}
	common, _ := j.e.Document.Must.Extensions[spec.ExtCommonResponses].(map[string]any)
	for status := range common {
		if !slices.Contains(known, status) {
			known = append(known, status)
		}
	}
	slices.Sort(known)
	j.add(Breach{
		Level:    spec.Must,
		Message:  fmt.Sprintf("the status %d is not documented for %s", j.e.Status, where),
		Expected: "one of " + strings.Join(known, ", "),
		Actual:   fmt.Sprintf("%d %s", j.e.Status, http.StatusText(j.e.Status)),
		Spec:     place(j.e.Document, origin),
	})
}

// ofFiles are headers of a file as it is; an answer of lines picked out of it, which shares its status, needs none.
var ofFiles = map[string]bool{"Content-Disposition": true, "Content-Length": true}

func (j *judgement) headers(level spec.Level, response *openapi3.Response) {
	names := make([]string, 0, len(response.Headers))
	for name := range response.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if ofFiles[name] && j.e.MediaType() == "text/plain" {
			continue
		}
		header := response.Headers[name].Value
		values := j.e.Header.Values(name)
		if strings.EqualFold(name, "Content-Length") && j.e.ContentLength >= 0 {
			values = []string{strconv.FormatInt(j.e.ContentLength, 10)}
		}
		if len(values) == 0 {
			if header.Required {
				j.add(Breach{
					Level:    level,
					Message:  fmt.Sprintf("the header %s is missing from the %d answer", name, j.e.Status),
					Expected: name + ": " + header.Description,
					Actual:   "no such header",
					Spec:     place(j.e.Document, header.Origin),
				})
			}
			continue
		}
		if header.Schema == nil {
			continue
		}
		var value any = values[0]
		if header.Schema.Value.Type.Is("integer") {
			if n, err := strconv.ParseInt(values[0], 10, 64); err == nil {
				value = float64(n)
			}
		}
		for _, problem := range visit(header.Schema.Value, value) {
			j.add(problem.breach(j.e.Document, level, "the header "+name))
		}
	}
}

func (j *judgement) body(level spec.Level, must, should *openapi3.Response) {
	e := j.e
	if len(must.Content) == 0 {
		if e.BodySize > 0 {
			j.add(Breach{
				Level:    level,
				Message:  fmt.Sprintf("a body came with %d, which is documented without one", e.Status),
				Expected: "an empty body", Actual: snippet(e.Body),
				Spec: place(e.Document, must.Origin),
			})
		}
		return
	}
	if j.emptyAllowed(must, should) {
		return
	}
	if _, recommended := must.Extensions[spec.ExtShould]; recommended {
		level = spec.Should // where the body may be left out, what is in it is good practice too
	}
	media := documented(must.Content, e.MediaType())
	if media == nil {
		actual := e.Header.Get("Content-Type")
		if actual == "" {
			actual = "no Content-Type"
		}
		if e.BodySize == 0 {
			actual += " and an empty body"
		}
		j.add(Breach{
			Level:    level,
			Message:  fmt.Sprintf("the content type of the %d answer is not documented", e.Status),
			Expected: strings.Join(kinds(must.Content), " or "), Actual: actual,
			Spec: place(e.Document, must.Origin),
		})
		return
	}
	if media.Schema == nil || e.MediaType() != "application/json" {
		return
	}
	if e.Err != nil {
		j.add(Breach{
			Level: level, Message: "the body broke off", Expected: "a whole JSON value",
			Actual: e.Err.Error(), Spec: place(e.Document, must.Origin),
		})
		return
	}
	value, twice, err := DecodeJSON(e.Body)
	if err != nil {
		j.add(Breach{
			Level: level, Message: "the body is not one JSON value: " + err.Error(),
			Expected: "JSON (RFC 8259)", Actual: snippet(e.Body), Spec: place(e.Document, media.Schema.Value.Origin),
		})
		return
	}
	if twice != "" {
		j.add(Breach{
			Level: spec.Should, Message: fmt.Sprintf("the name %q stands in an object of the body twice", twice),
			Expected: "names that are unique (RFC 8259 §4)", Actual: snippet(e.Body), Spec: place(e.Document, media.Schema.Value.Origin),
		})
	}
	problems := visit(media.Schema.Value, value)
	if len(problems) > 1 && e.Status >= 400 {
		problems = []problem{whole(problems, media.Schema.Value, value)}
	}
	for _, problem := range problems {
		j.add(problem.breach(e.Document, level, "the body"))
	}
	if len(problems) > 0 {
		return
	}
	for _, problem := range visit(documented(should.Content, e.MediaType()).Schema.Value, value) {
		j.add(problem.breach(e.Document, spec.Should, "the body"))
	}
}

// emptyAllowed says whether an empty body is in order although one is documented.
func (j *judgement) emptyAllowed(must, should *openapi3.Response) bool {
	if j.e.BodySize > 0 {
		return false
	}
	if name, ok := must.Extensions[spec.ExtEmptyUnless].(string); ok {
		_, query, _ := strings.Cut(j.e.URL, "?")
		return !strings.Contains(query, name+"=true")
	}
	if _, ok := must.Extensions[spec.ExtShould]; ok {
		j.add(Breach{
			Level: spec.Should, Message: fmt.Sprintf("the %d answer has no body", j.e.Status),
			Expected: should.Content.Get("application/json").Schema.Ref, Actual: "an empty body",
			Spec: place(j.e.Document, must.Origin),
		})
		return true
	}
	return false
}

// kinds lists the media types of a body.
func kinds(content openapi3.Content) []string {
	return slices.Sorted(maps.Keys(content))
}

func documented(content openapi3.Content, mediaType string) *openapi3.MediaType {
	if mediaType == "" {
		return nil
	}
	return content[mediaType]
}

func snippet(data []byte) string {
	const most = 200
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "\uFFFD") + "…"
	}
	return strings.ToValidUTF8(string(data), "\uFFFD")
}
