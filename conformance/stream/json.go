package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// object is what strict decoding of one text found.
type object struct {
	value map[string]any
	rest  int    // where text begins that follows the value; 0 for none
	twice string // JSON pointer of a name that is twice in its object
}

// decode reads one JSON object, and says in words why it could not.
func decode(text []byte) (object, error) {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	if len(trimmed) == 0 {
		return object{}, errors.New("it is empty")
	}
	if trimmed[0] != '{' {
		if json.Valid(trimmed) {
			return object{}, errors.New("it is a JSON value that is no object")
		}
		return object{}, errors.New("it is no JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o.value); err != nil {
		return object{}, describe(err)
	}
	end := int(dec.InputOffset())
	if tail := bytes.TrimLeft(text[end:], " \t\r\n"); len(tail) > 0 {
		o.rest = len(text) - len(tail)
	}
	// Names that are there twice make the text hold more than the value.
	if members(text[:end]) != count(o.value) {
		walk := json.NewDecoder(bytes.NewReader(text[:end]))
		o.twice, _ = repeated(walk, "")
	}
	return o, nil
}

func describe(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("it ends inside the JSON object")
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON: %s at byte %d", syntax.Error(), syntax.Offset)
	}
	return fmt.Errorf("it is no JSON: %w", err)
}

// members counts the name-value pairs of a valid JSON text: its colons.
func members(text []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			n++
		}
	}
	return n
}

// count counts the name-value pairs of a decoded value.
func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, e := range v {
			n += count(e)
		}
	case []any:
		for _, e := range v {
			n += count(e)
		}
	}
	return n
}

// repeated finds the first name that its object has twice; the text is valid.
func repeated(dec *json.Decoder, at string) (pointer string, err error) {
	tok, err := dec.Token()
	if err != nil {
		return "", err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return "", nil
	}
	seen := map[string]bool{}
	for i := 0; dec.More(); i++ {
		below := fmt.Sprintf("%s/%d", at, i)
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return "", err
			}
			below = fmt.Sprintf("%s/%s", at, name)
			if key := name.(string); seen[key] {
				return below, nil
			}
			seen[name.(string)] = true
		}
		if found, err := repeated(dec, below); found != "" || err != nil {
			return found, err
		}
	}
	_, err = dec.Token()
	return "", err
}
