package negative

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// exampleOf is a value that a parameter may have.
func exampleOf(p *openapi3.Parameter) any {
	if p.Example != nil {
		return p.Example
	}
	return sample(p.Schema.Value)
}

// sample is a value that a schema allows: its example, its default, or the least of its type.
func sample(s *openapi3.Schema) any {
	switch {
	case s.Example != nil:
		return s.Example
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type.Is("object"):
		object := map[string]any{}
		for name, ref := range s.Properties {
			if slices.Contains(s.Required, name) {
				object[name] = sample(ref.Value)
			}
		}
		if free := s.AdditionalProperties.Schema; free != nil && len(s.Properties) == 0 {
			object["osc-key"] = sample(free.Value)
		}
		return object
	case s.Type.Is("array"):
		return []any{sample(s.Items.Value)}
	case s.Type.Is("integer"), s.Type.Is("number"):
		if s.Min != nil {
			return max(*s.Min, 1)
		}
		return 1.0
	case s.Type.Is("boolean"):
		return true
	case s.Format == "date-time":
		return time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	default:
		return "osc"
	}
}

// one is the schema of an item, where s is of an array.
func one(s *openapi3.Schema) *openapi3.Schema {
	if s.Type.Is("array") && s.Items != nil {
		return s.Items.Value
	}
	return s
}

// marshal writes a value of the package's own, with the names of objects in order.
func marshal(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("a body of the suite's own: %v", err))
	}
	return data
}

func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[name] = clone(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	}
	return value
}

// at finds what stands at a place in a value.
func at(value any, place []any) (any, bool) {
	for _, step := range place {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			member, there := object[key]
			if !there {
				return nil, false
			}
			value = member
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil, false
			}
			value = list[key]
		}
	}
	return value, true
}

// gone in place of a value takes the field out.
type gone struct{}

// with is a copy of a value in which another stands at a place, whose parent is there.
func with(value any, place []any, other any) any {
	if len(place) == 0 {
		return other
	}
	switch key := place[0].(type) {
	case string:
		object, _ := value.(map[string]any)
		object = maps.Clone(object)
		if _, out := other.(gone); out && len(place) == 1 {
			delete(object, key)
		} else {
			object[key] = with(object[key], place[1:], other)
		}
		return object
	case int:
		list, _ := value.([]any)
		list = slices.Clone(list)
		list[key] = with(list[key], place[1:], other)
		return list
	}
	return value
}

func text(value any) string { return fmt.Sprint(value) }

func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{text(value)}
	}
	var out []string
	for _, item := range list {
		out = append(out, text(item))
	}
	return out
}
