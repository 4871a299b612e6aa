package negative

import (
	"bytes"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Media types of request bodies.
const (
	jsonMedia = "application/json"
	formMedia = "multipart/form-data"
)

// Values are what a good request of an operation has in place of the document's examples: what is really there.
type Values struct {
	Path  map[string]string
	Query url.Values
	Body  any // in place of the example; nil: the example
}

// Base is a good request: each case is made from it by one change.
type Base struct {
	op    *spec.Operation
	path  map[string]string
	query url.Values
	body  any // the JSON value, or for a form the value of its JSON part; nil: none
}

// NewBase makes the good request of an operation from the examples of the document and the values given. Optional
// parameters are left out unless they are given.
func NewBase(op *spec.Operation, v Values) *Base {
	b := &Base{op: op, path: map[string]string{}, query: url.Values{}}
	for _, ref := range op.Parameters {
		p := ref.Value
		switch {
		case p.In == openapi3.ParameterInPath:
			b.path[p.Name] = text(exampleOf(p))
		case p.In == openapi3.ParameterInQuery && p.Required:
			b.query[p.Name] = texts(exampleOf(p))
		}
	}
	maps.Copy(b.path, v.Path)
	maps.Copy(b.query, v.Query)
	if schema := b.schema(); schema != nil {
		if b.body = v.Body; b.body == nil {
			b.body = b.example(schema)
		}
		b.body = clone(b.body)
	}
	return b
}

// Operation is the one that it is a request of.
func (b *Base) Operation() *spec.Operation { return b.op }

// media is the body of the operation: its media type and schema; nil where it has none.
func (b *Base) media() (string, *openapi3.MediaType) {
	if b.op.Must.RequestBody == nil {
		return "", nil
	}
	content := b.op.Must.RequestBody.Value.Content
	for _, name := range []string{jsonMedia, formMedia} {
		if m := content[name]; m != nil {
			return name, m
		}
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if strings.HasSuffix(name, "+json") {
			return name, content[name]
		}
	}
	return "", nil
}

// schema is that of the JSON value in the body; nil where there is none. Of a form it is that of its JSON part.
func (b *Base) schema() *openapi3.Schema {
	name, m := b.media()
	if m == nil || m.Schema == nil {
		return nil
	}
	if name == formMedia {
		part := b.jsonPart()
		if part == "" {
			return nil
		}
		return one(m.Schema.Value.Properties[part].Value)
	}
	return m.Schema.Value
}

// example is the first valid example of the body, else what the examples of its fields make up.
func (b *Base) example(schema *openapi3.Schema) any {
	name, m := b.media()
	candidates := []any{m.Example}
	for _, key := range slices.Sorted(maps.Keys(m.Examples)) {
		candidates = append(candidates, m.Examples[key].Value.Value)
	}
	for _, value := range candidates {
		if name != formMedia && value != nil && schema.VisitJSON(value, openapi3.VisitAsRequest()) == nil {
			return value
		}
	}
	return sample(schema)
}

// Request is the good request itself.
func (b *Base) Request() Request {
	r := Request{Method: b.op.Method, Path: maps.Clone(b.path), Query: b.query.Encode(), Header: http.Header{}}
	if b.body != nil {
		b.put(&r, b.body)
	}
	return r
}

// put gives a request a body of this value, in the form that the operation takes.
func (b *Base) put(r *Request, value any) {
	data := marshal(value)
	media, _ := b.media()
	if media == formMedia {
		b.form(r, b.parts(data))
		return
	}
	r.Header.Set("Content-Type", media)
	r.Body = data
	r.Fields, _ = value.(map[string]any)
}

// part is one part of a form.
type part struct {
	name, media string
	data        []byte
}

// jsonPart is the name of the part of a form that is JSON; empty: none is.
func (b *Base) jsonPart() string {
	_, m := b.media()
	for _, name := range slices.Sorted(maps.Keys(m.Encoding)) {
		if m.Encoding[name].ContentType == jsonMedia && m.Schema.Value.Properties[name] != nil {
			return name
		}
	}
	return ""
}

// parts are those of a good form, with this text in the JSON part, which comes first.
func (b *Base) parts(data []byte) []part {
	_, m := b.media()
	first := b.jsonPart()
	all := []part{{first, jsonMedia, data}}
	for _, name := range slices.Sorted(maps.Keys(m.Schema.Value.Properties)) {
		if name != first {
			all = append(all, part{name, "application/octet-stream", []byte("osc")})
		}
	}
	return all
}

func (b *Base) form(r *Request, parts []part) {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	_ = form.SetBoundary("osc-boundary-of-the-suite") // the same request each time
	for _, p := range parts {
		w, _ := form.CreatePart(textproto.MIMEHeader{ // a buffer takes everything
			"Content-Disposition": {multipart.FileContentDisposition(p.name, p.name)}, "Content-Type": {p.media},
		})
		_, _ = w.Write(p.data)
	}
	_ = form.Close()
	r.Body = buf.Bytes()
	r.Header.Set("Content-Type", form.FormDataContentType())
}
