package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth is how deep a JSON value may be nested before it is refused.
const maxDepth = 1000

// DecodeJSON reads exactly one JSON value (RFC 8259): valid UTF-8, nothing after it. Numbers become float64, which is
// what schemas are checked on. Of a name that stands in an object twice the last one counts, and twice names it:
// unique names are a SHOULD (RFC 8259 §4).
func DecodeJSON(data []byte) (value any, twice string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, "", errors.New("it is empty")
	}
	if !utf8.Valid(data) {
		return nil, "", errors.New("it is not UTF-8")
	}
	d := decoder{Decoder: json.NewDecoder(bytes.NewReader(data))}
	value, err = d.value(0)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, "", errors.New("it is cut off")
		}
		return nil, "", err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "", fmt.Errorf("there is more after the value, at byte %d", d.InputOffset())
	}
	return value, d.twice, nil
}

type decoder struct {
	*json.Decoder
	twice string
}

func (d *decoder) value(depth int) (any, error) {
	dec := d.Decoder
	if depth > maxDepth {
		return nil, errors.New("it is nested too deep")
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key := name.(string)
			if _, twice := object[key]; twice {
				d.twice = key
			}
			if object[key], err = d.value(depth + 1); err != nil {
				return nil, err
			}
		}
		_, err := dec.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			item, err := d.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := dec.Token()
		return list, err
	default:
		return token, nil
	}
}
