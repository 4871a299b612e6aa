package contract

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// requestBody judges what was sent. A body that was kept in part is judged as far as that can be.
func (j *judgement) requestBody() {
	e, ref := j.e, j.e.Operation.Must.RequestBody
	empty := len(e.RequestBody) == 0 && !e.RequestCut
	if ref == nil || ref.Value == nil {
		if !empty {
			j.add(Breach{
				Level: spec.Should, Message: "the request has a body, and the operation has none", Expected: "an empty body",
				Actual: snippet(e.RequestBody), Spec: Place(e.Document, e.Operation),
			})
		}
		return
	}
	must := ref.Value
	if empty {
		if must.Required {
			j.add(Breach{
				Level: spec.Must, Message: "the request has no body", Expected: strings.Join(kinds(must.Content), " or "),
				Actual: "an empty body", Spec: place(e.Document, must.Origin),
			})
		}
		return
	}
	sent := e.RequestHeader.Get("Content-Type")
	name, parameters, err := mime.ParseMediaType(sent)
	media := documented(must.Content, name)
	if err != nil || media == nil {
		if sent == "" {
			sent = "no Content-Type"
		}
		j.add(Breach{
			Level: spec.Must, Message: "the content type of the request is not documented",
			Expected: strings.Join(kinds(must.Content), " or "), Actual: sent, Spec: place(e.Document, must.Origin),
		})
		return
	}
	switch {
	case media.Schema == nil:
	case name == "multipart/form-data":
		j.multipart(media.Schema.Value, parameters["boundary"])
	case !e.RequestCut:
		should := e.Operation.Should.RequestBody.Value.Content[name].Schema.Value
		j.requestJSON("the request", e.RequestBody, media.Schema.Value, should)
	}
}

// requestJSON judges one JSON value by both readings of its schema.
func (j *judgement) requestJSON(what string, data []byte, must, should *openapi3.Schema) {
	value, twice, err := DecodeJSON(data)
	if err != nil {
		j.add(Breach{
			Level: spec.Must, Message: what + " is not one JSON value: " + err.Error(), Expected: "JSON (RFC 8259)",
			Actual: snippet(data), Spec: place(j.e.Document, must.Origin),
		})
		return
	}
	if twice != "" {
		j.add(Breach{
			Level: spec.Should, Message: fmt.Sprintf("the name %q stands in an object of %s twice", twice, what),
			Expected: "names that are unique (RFC 8259 §4)", Actual: snippet(data), Spec: place(j.e.Document, must.Origin),
		})
	}
	problems := visit(must, value, openapi3.VisitAsRequest())
	for _, problem := range problems {
		j.add(problem.breach(j.e.Document, spec.Must, what))
	}
	if len(problems) > 0 || should == nil {
		return
	}
	for _, problem := range visit(should, value, openapi3.VisitAsRequest()) {
		j.add(problem.breach(j.e.Document, spec.Should, what))
	}
}

// multipart judges the parts of a form. Those of an array property may come several times; they come in the order of
// the required properties, again and again.
func (j *judgement) multipart(schema *openapi3.Schema, boundary string) {
	order := schema.Required
	parts := multipart.NewReader(bytes.NewReader(j.e.RequestBody), boundary)
	n := 0
	for ; ; n++ {
		part, err := parts.NextRawPart()
		if err != nil {
			if err != io.EOF && !j.e.RequestCut { // one that is wrapped came too early
				j.form("the form is not whole: "+err.Error(), "a form (RFC 7578)", snippet(j.e.RequestBody), schema)
			}
			break
		}
		name := part.FormName()
		if len(order) > 0 && name != order[n%len(order)] {
			j.form("a part of the form is not the one that belongs there", order[n%len(order)], fmt.Sprintf("%q as part %d", name, n+1), schema)
			return
		}
		property := schema.Properties[name]
		if property == nil || property.Value.Items == nil || property.Value.Items.Value.Type.Is("string") {
			continue // a file may hold anything
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return // what was kept ends within it
		}
		j.requestJSON("the part "+name, data, property.Value.Items.Value, nil)
	}
	if len(order) > 0 && n%len(order) != 0 && !j.e.RequestCut {
		j.form("a part of the form is missing", order[n%len(order)], "the end of the form", schema)
	}
}

func (j *judgement) form(message, expected, actual string, schema *openapi3.Schema) {
	j.add(Breach{Level: spec.Must, Message: message, Expected: expected, Actual: actual, Spec: place(j.e.Document, schema.Origin)})
}
