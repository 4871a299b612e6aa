package negative

import (
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// parameters makes the cases of the path and the query. Headers that the documents have take any text.
func (m *maker) parameters(unknown func() string) {
	for _, ref := range m.op.Parameters {
		p := ref.Value
		schema := one(p.Schema.Value)
		capability, _ := p.Extensions["x-capability"].(string)
		if p.In != openapi3.ParameterInPath && p.In != openapi3.ParameterInQuery {
			continue
		}
		add := func(kind Kind, value, how string) {
			r := m.Request()
			if p.In == openapi3.ParameterInPath {
				r.Path[p.Name] = value
			} else {
				query := maps.Clone(m.query)
				if query[p.Name] = []string{value}; kind == Unnamed {
					query.Del(p.Name)
				}
				r.Query = query.Encode()
			}
			m.add(Case{Kind: kind, Where: p.Name, What: "parameter " + p.Name + " " + how, Capability: capability, Request: r, value: value})
		}
		if p.In == openapi3.ParameterInQuery && p.Required {
			add(Unnamed, "", "is missing")
		}
		switch {
		case Identifies(p):
			add(UnknownID, unknown(), "is an id that nothing has")
		case len(schema.Enum) > 0:
			add(Beyond, "osc-none-of-them", "is none of the values that there are")
		case schema.Type.Is("integer"):
			add(Unreadable, "abc", "is no number")
			add(Unreadable, "1.5", "is no whole number")
			for _, n := range beyond(schema) {
				add(Beyond, fmt.Sprint(n.value), n.what)
			}
		case schema.Type.Is("number"):
			add(Unreadable, "abc", "is no number")
		case schema.Type.Is("boolean"):
			add(Unreadable, "maybe", "is no boolean")
		}
	}
}

// Identifies says whether a parameter is the id of something: all texts in paths are, and what is called so in queries.
func Identifies(p *openapi3.Parameter) bool {
	return p.Schema.Value.Type.Is("string") && (p.In == openapi3.ParameterInPath || p.Name == "id")
}

// methods that a path is tried with where it has no such operation: none that a server may understand as a wish to
// delete.
var methods = []string{"PUT", "PATCH"}

// Methods makes requests to each path of the operations with methods that it does not have, by name of the path.
func (o Options) Methods(bases []*Base) []Case {
	known := map[string][]string{}
	first := map[string]*Base{}
	for _, b := range bases {
		known[b.op.Path] = append(known[b.op.Path], b.op.Method)
		if first[b.op.Path] == nil {
			first[b.op.Path] = b
		}
	}
	var all []Case
	for _, path := range slices.Sorted(maps.Keys(known)) {
		for _, method := range methods {
			if slices.Contains(known[path], method) {
				continue
			}
			b := first[path]
			r := Request{Method: method, Path: maps.Clone(b.path)}
			for _, ref := range b.op.Parameters {
				if Identifies(ref.Value) {
					r.Path[ref.Value.Name] = o.Unknown()
				}
			}
			c := Case{Operation: b.op, Kind: WrongMethod, What: method + " is no method of " + path, Request: r}
			c.Rule = ruleOf(c)
			all = append(all, c)
		}
	}
	return all
}
