package negative

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// maker gathers the cases of one operation.
type maker struct {
	*Base
	random *rand.Rand
	cases  []Case
}

func (m *maker) add(c Case) {
	c.Operation = m.op
	if c.Rule = ruleOf(c); withheld(c) == "" {
		m.cases = append(m.cases, c)
	}
}

// bodies makes the cases of a body: as a whole, then field by field.
func (m *maker) bodies() {
	schema := m.schema()
	media, _ := m.media()
	if schema == nil {
		return
	}
	if media == formMedia {
		m.forms()
	} else {
		m.broken()
		m.contentTypes(media)
	}
	m.field(field{schema: schema, required: true}, m.body)
}

// broken makes bodies that are no JSON.
func (m *maker) broken() {
	whole := marshal(m.body)
	cut := 1 + m.random.IntN(len(whole)-1)
	all := []struct {
		what string
		data []byte
	}{
		{"is no JSON", []byte("osc=1")},
		{fmt.Sprintf("breaks off after %d bytes", cut), whole[:cut]},
		{"has something behind it", slices.Concat(whole, []byte(" osc"))},
		{"is JSON with single quotes", bytes.ReplaceAll(whole, []byte(`"`), []byte(`'`))},
	}
	if m.op.Must.RequestBody.Value.Required {
		all = append(all, struct {
			what string
			data []byte
		}{"is empty", []byte{}})
	}
	for _, b := range all {
		r := m.Request()
		r.Body, r.Fields = b.data, nil
		m.add(Case{Kind: NotJSON, What: "the body " + b.what, Request: r})
	}
}

// contentTypes makes requests whose body is good and said to be something else.
func (m *maker) contentTypes(right string) {
	content := m.op.Must.RequestBody.Value.Content
	if other := "text/plain"; content[other] == nil && other != right {
		r := m.Request()
		r.Header = http.Header{"Content-Type": {other}}
		m.add(Case{Kind: ContentType, What: "the content type is " + other, Request: r})
	}
}

// forms makes forms that are none, lack a part, or whose JSON part is no JSON.
func (m *maker) forms() {
	whole := marshal(m.body)
	_, media := m.media()
	for _, other := range []string{jsonMedia, "text/plain"} {
		r := m.Request()
		r.Header = http.Header{"Content-Type": {other}}
		if other == jsonMedia {
			r.Body = whole
		}
		m.add(Case{Kind: NotForm, What: "the body is " + other, Request: r})
	}
	for _, required := range media.Schema.Value.Required {
		r := m.Request()
		m.form(&r, slices.DeleteFunc(m.parts(whole), func(p part) bool { return p.name == required }))
		m.add(Case{Kind: Missing, Where: required, What: "the part " + required + " is missing", Request: r})
	}
	cut := 1 + m.random.IntN(len(whole)-1)
	for _, part := range []struct {
		what string
		data []byte
	}{
		{"is no JSON", []byte("osc=1")},
		{fmt.Sprintf("breaks off after %d bytes", cut), whole[:cut]},
	} {
		r := m.Request()
		m.form(&r, m.parts(part.data))
		m.add(Case{Kind: NotJSON, Where: m.jsonPart(), What: "the part " + m.jsonPart() + " " + part.what, Request: r})
	}
}

// field is a field of a body, and how it stands there.
type field struct {
	place      []any
	name       string // the place with dots; "*" is an entry of a map
	schema     *openapi3.Schema
	required   bool // it can't be left out; so are the body itself and the items of lists
	named      bool // it is a property, and not an item or an entry of a map
	entry      bool // it is an entry of a map
	capability string
}

// field makes the cases of a field and of all below it. In whole the field and all above it are there.
func (m *maker) field(f field, whole any) {
	where, what := f.name, "field "+f.name
	if where == "" {
		what = m.root()
	}
	add := func(kind Kind, value any, how string) {
		r := m.Request()
		m.put(&r, with(whole, f.place, value))
		m.add(Case{Kind: kind, Where: where, What: what + " " + how, Capability: f.capability, Request: r})
	}
	if f.named && f.required {
		add(Missing, gone{}, "is missing")
	}
	if !f.schema.Nullable {
		kind := WrongType
		switch {
		case f.named && f.required:
			kind = Missing // for many it is the same
		case f.named || f.entry:
			kind = Null
		}
		add(kind, nil, "is null")
	}
	present, _ := at(whole, f.place)
	for _, w := range wrongValues(f.schema, present, m.random) {
		add(w.kind, w.value, w.what)
	}
	m.below(f, whole)
}

// below goes on with what is in an object, a map or a list.
func (m *maker) below(f field, whole any) {
	down := func(step any, called string, child field) {
		child.place, child.name = append(slices.Clone(f.place), step), joined(f.name, called)
		if child.capability == "" {
			child.capability = f.capability
		}
		inside := whole
		if _, there := at(whole, child.place); !there {
			inside = with(whole, child.place, clone(sample(child.schema)))
		}
		m.field(child, inside)
	}
	s := f.schema
	for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
		schema := s.Properties[property].Value
		child := field{schema: schema, required: slices.Contains(s.Required, property), named: true}
		if c, ok := schema.Extensions["x-capability"].(string); ok {
			child.capability = c
		}
		down(property, property, child)
	}
	present, _ := at(whole, f.place)
	if free := s.AdditionalProperties.Schema; free != nil {
		key := "osc-key"
		if object, ok := present.(map[string]any); ok && len(object) > 0 {
			key = slices.Sorted(maps.Keys(object))[0]
		}
		down(key, "*", field{schema: free.Value, entry: true})
	}
	if closed := s.AdditionalProperties.Has; closed != nil && !*closed {
		r := m.Request()
		m.put(&r, with(whole, append(slices.Clone(f.place), "osc-unknown"), "x"))
		where := joined(f.name, "osc-unknown")
		m.add(Case{Kind: Extra, Where: where, What: "field " + where + " is none that there is", Capability: f.capability, Request: r})
	}
	if s.Type.Is("array") && s.Items != nil {
		if list, ok := present.([]any); ok && len(list) > 0 {
			down(0, "0", field{schema: s.Items.Value, required: true})
		}
	}
}

// root is what the JSON value of the body is called.
func (m *maker) root() string {
	if media, _ := m.media(); media == formMedia {
		return "the part " + m.jsonPart()
	}
	return "the body"
}

func joined(outer, inner string) string {
	if outer == "" {
		return inner
	}
	return outer + "." + inner
}
