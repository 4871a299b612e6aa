package negative

import (
	"math/rand/v2"

	"github.com/getkin/kin-openapi/openapi3"
)

// wrong is a value that is wrong, and how.
type wrong struct {
	kind  Kind
	value any
	what  string
}

// otherTypes are values of other types: the first two are always tried, and one of the rest.
var otherTypes = map[string][]any{
	"string":  {7, map[string]any{"osc": "x"}, true, 1.5, []any{"x"}, []any{}},
	"integer": {"7", 1.5, true, map[string]any{}, []any{7}},
	"number":  {"1.5", map[string]any{}, true, []any{1.5}},
	"boolean": {"true", 1, map[string]any{}, []any{true}},
	"array":   {"osc", map[string]any{"osc": "x"}, 7, true},
	"object":  {"osc", []any{"osc"}, 7, true},
}

// wrongValues are the values that a schema does not allow in place of present, one kind after the other. Null is left
// to the caller, who knows whether the value may be absent.
func wrongValues(s *openapi3.Schema, present any, random *rand.Rand) []wrong {
	var all []wrong
	add := func(kind Kind, value any, what string) { all = append(all, wrong{kind, value, what}) }
	for kind, values := range otherTypes {
		if !s.Type.Is(kind) {
			continue
		}
		for _, value := range []any{values[0], values[1], values[2+random.IntN(len(values)-2)]} {
			if n, number := present.(float64); number && value == "7" {
				value = text(n) // the right number, as text
			}
			add(WrongType, value, "is "+typeOf(value))
		}
	}
	if s.Format == "date-time" {
		add(Malformed, "tomorrow", "is no date-time")
		add(Malformed, "2099-02-31T00:00:00Z", "is a day that there is not")
	}
	if s.Pattern != "" && s.Format == "" {
		// Nothing has such a name: a server that drops the NUL must not find something by what is left.
		add(Malformed, "\u0000osc-7c1f2b9e-none-has-this-name", "is of another form")
	}
	if len(s.Enum) > 0 {
		add(OutOfRange, "osc-none-of-them", "is none of the values that there are")
	}
	if s.MinLength > 0 {
		add(EmptyText, "", "is empty")
	}
	if s.MinItems > 0 {
		add(OutOfRange, []any{}, "has no items")
	}
	for _, n := range beyond(s) {
		add(OutOfRange, n.value, n.what)
	}
	return all
}

// beyond are numbers out of the range of a schema, written as JSON and queries write them.
func beyond(s *openapi3.Schema) []wrong {
	if !s.Type.Is("integer") {
		return nil
	}
	var all []wrong
	if s.Min != nil {
		all = append(all, wrong{value: int64(*s.Min) - 1, what: "is less than the least"})
		if *s.Min > 0 {
			all = append(all, wrong{value: int64(-1), what: "is negative"})
		}
	}
	if s.Max != nil {
		all = append(all, wrong{value: int64(*s.Max) + 1, what: "is more than the most"})
	}
	switch s.Format {
	case "int32":
		all = append(all, wrong{value: int64(1) << 31, what: "is more than 32 bits hold"})
	case "int64":
		all = append(all, wrong{value: uint64(1) << 63, what: "is more than 64 bits hold"})
	}
	return all
}

func typeOf(value any) string {
	switch v := value.(type) {
	case string:
		return "the text " + string(marshal(v))
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case nil:
		return "null"
	default:
		return "the number " + string(marshal(v))
	}
}
