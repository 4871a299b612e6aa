package mutant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// JSON changes the answer's JSON value, numbers as json.Number. What says how.
func JSON(m Match, what string, change func(v any) any) Fault {
	return Body(m, what, func(body []byte) []byte { return editJSON(body, change) })
}

// JSONBody changes the answer's JSON object; a body that is none stays.
func JSONBody(m Match, what string, change func(map[string]any)) Fault {
	return JSON(m, what, func(v any) any {
		if object, ok := v.(map[string]any); ok {
			change(object)
		}
		return v
	})
}

// DropField leaves a property of the answer out. Its path is written with dots,
// "*" for every element of an array or object: "items.*.status.state".
func DropField(m Match, path string) Fault {
	return JSON(m, "no property "+path, func(v any) any {
		return at(v, path, func(object map[string]any, key string) { delete(object, key) })
	})
}

// SetField sets a property of the answer: nil is null, another type is a wrong
// one, a property that is not there is added. A path as in DropField.
func SetField(m Match, path string, value any) Fault {
	return JSON(m, fmt.Sprintf("property %s is %s", path, jsonOf(value)), func(v any) any {
		return at(v, path, func(object map[string]any, key string) { object[key] = value })
	})
}

// ChangeField changes a property of the answer that is there. A path as in
// DropField; what says how.
func ChangeField(m Match, path, what string, change func(any) any) Fault {
	return JSON(m, fmt.Sprintf("property %s %s", path, what), func(v any) any {
		return at(v, path, func(object map[string]any, key string) {
			if old, ok := object[key]; ok {
				object[key] = change(old)
			}
		})
	})
}

// ReorderKeys sends the same JSON with its keys in another order: allowed.
func ReorderKeys(m Match) Fault {
	return Body(m, "keys in another order", func(body []byte) []byte {
		if v, ok := parse(body); ok {
			return reversed(v)
		}
		return body
	})
}

// at calls do for every object and key that a path leads to.
func at(v any, path string, do func(object map[string]any, key string)) any {
	head, tail, deeper := strings.Cut(path, ".")
	switch v := v.(type) {
	case map[string]any:
		keys := []string{head}
		if head == "*" {
			keys = slices.Collect(maps.Keys(v))
		}
		for _, k := range keys {
			if deeper {
				at(v[k], tail, do)
			} else {
				do(v, k)
			}
		}
	case []any:
		if head == "*" && deeper {
			for _, e := range v {
				at(e, tail, do)
			}
		}
	}
	return v
}

func parse(text []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF { //nolint:errorlint // what is behind the value would be lost
		return nil, false
	}
	return v, true
}

// editJSON leaves the text alone where the value does not change.
func editJSON(text []byte, change func(any) any) []byte {
	v, ok := parse(text)
	if !ok {
		return text
	}
	before := jsonOf(v)
	if after := jsonOf(change(v)); !bytes.Equal(before, after) {
		return after
	}
	return text
}

// jsonOf encodes a value that came from JSON, or a literal of a fault.
func jsonOf(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("a fault's value is no JSON: %v", err)) // an error of the table
	}
	// What encoding/json leaves as it is, and line readers split at.
	return bytes.ReplaceAll(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\u0085"), []byte(`\u0085`))
}

// reversed encodes a value with the keys of its objects from z to a.
func reversed(v any) []byte {
	var b bytes.Buffer
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		b.WriteByte('{')
		for i := len(keys) - 1; i >= 0; i-- {
			b.Write(jsonOf(keys[i]))
			b.WriteByte(':')
			b.Write(reversed(v[keys[i]]))
			if i > 0 {
				b.WriteByte(',')
			}
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(reversed(e))
		}
		b.WriteByte(']')
	default:
		return jsonOf(v)
	}
	return b.Bytes()
}
