package contract

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Request returns every breach of the documents in a request: what its client left out, or sent otherwise than
// documented. Keys are the headers that it has to carry. That a client asks for what no document has is a SHOULD: a
// deployment may offer more.
func Request(e *exchange.Exchange, keys []string) []Breach {
	if e.Document == nil {
		return nil
	}
	j := &judgement{e: e}
	if e.Operation == nil {
		j.add(Breach{
			Level: spec.Should, Message: "the document has no such operation", Expected: "an operation of " + e.Document.Name,
			Actual: e.Method + " " + pathOf(e.URL), Spec: e.Document.Name,
		})
		return j.breaches
	}
	for _, name := range keys {
		if e.RequestHeader.Get(name) == "" {
			j.add(Breach{
				Level: spec.Must, Message: "the header " + name + " is missing", Expected: name + ": …", Actual: "no such header",
				Spec: Place(e.Document, e.Operation),
			})
		}
	}
	j.parameters()
	j.requestBody()
	return j.breaches
}

// parameters judges the path, the query and the headers.
func (j *judgement) parameters() {
	_, raw, _ := strings.Cut(j.e.URL, "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		j.add(Breach{
			Level: spec.Must, Message: "the query can't be parsed", Expected: "pairs of name=value, escaped (WHATWG URL §5.1)",
			Actual: raw, Spec: Place(j.e.Document, j.e.Operation),
		})
	}
	path := templated(j.e.Operation.Path, pathOf(j.e.URL))
	known := map[string]bool{}
	for _, ref := range j.e.Operation.Parameters {
		p := ref.Value
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			values = path[p.Name]
		case openapi3.ParameterInHeader:
			values = j.e.RequestHeader.Values(p.Name)
		default:
			values, known[p.Name] = query[p.Name], true
		}
		j.parameter(p, values)
	}
	for name := range query {
		if !known[name] {
			j.add(Breach{
				Level: spec.Should, Message: fmt.Sprintf("the operation has no query parameter %q", name),
				Expected: "none but " + strings.Join(slices.Sorted(maps.Keys(known)), ", "), Actual: name + "=" + query.Get(name),
				Spec: Place(j.e.Document, j.e.Operation),
			})
		}
	}
}

func (j *judgement) parameter(p *openapi3.Parameter, values []string) {
	what := fmt.Sprintf("the %s parameter %s", p.In, p.Name)
	if len(values) == 0 {
		if p.Required {
			j.add(Breach{
				Level: spec.Must, Message: what + " is missing", Expected: p.Name + ": " + p.Description,
				Actual: "no such parameter", Spec: place(j.e.Document, p.Origin),
			})
		}
		return
	}
	if p.Schema == nil {
		return
	}
	schema := p.Schema.Value
	var value any
	if schema.Type.Is("array") && schema.Items != nil {
		list := []any{}
		for _, v := range values {
			list = append(list, read(schema.Items.Value, v))
		}
		value = list
	} else {
		value = read(schema, values[0])
		if len(values) > 1 {
			j.add(Breach{
				Level: spec.Should, Message: what + " is there more than once", Expected: "one", Actual: strings.Join(values, " and "),
				Spec: place(j.e.Document, p.Origin),
			})
		}
	}
	for _, problem := range visit(schema, value, openapi3.VisitAsRequest()) {
		j.add(problem.breach(j.e.Document, spec.Must, what))
	}
}

// read gives a text the type of its schema; where it can't be read so, it stays a text, which the schema refuses.
func read(schema *openapi3.Schema, text string) any {
	switch {
	case schema.Type.Is("integer"), schema.Type.Is("number"):
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	case schema.Type.Is("boolean"):
		if text == "true" || text == "false" {
			return text == "true"
		}
	}
	return text
}

// pathOf is the path of a URL as it was sent.
func pathOf(target string) string {
	before, _, _ := strings.Cut(target, "?")
	if _, rest, found := strings.Cut(before, "://"); found {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + path
	}
	return before
}

// templated reads the parameters out of a path, whatever base it has before the template.
func templated(template, path string) map[string][]string {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	out := map[string][]string{}
	for i := range want {
		name, found := strings.CutPrefix(want[len(want)-1-i], "{")
		if !found || i >= len(have) {
			continue
		}
		segment := have[len(have)-1-i]
		if text, err := url.PathUnescape(segment); err == nil {
			segment = text
		}
		out[strings.TrimSuffix(name, "}")] = []string{segment}
	}
	return out
}
