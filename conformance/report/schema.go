package report

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of report.json.
func Schema() []byte { return bytes.Clone(schema) }

// Validate checks the text of a report by the schema.
func Validate(data []byte) error {
	compiled, err := compiled()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	return compiled.Validate(value)
}

// Validate checks that the report is as its schema says: what it writes can be read by others.
func (r *Report) Validate() error {
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		return err
	}
	return Validate(out.Bytes())
}

// compiled is the schema, compiled once.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(schema) })

func compile(data []byte) (*jsonschema.Schema, error) {
	const name = "schema.json"
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the schema of reports: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, value); err != nil {
		return nil, fmt.Errorf("the schema of reports: %w", err)
	}
	return c.Compile(name)
}

// Read reads report.json.
func Read(from io.Reader) (*Report, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var head struct {
		SchemaVersion string `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("it is no report: %w", err)
	}
	if head.SchemaVersion != SchemaVersion {
		return nil, fmt.Errorf("it has schemaVersion %q; this program reads %q", head.SchemaVersion, SchemaVersion)
	}
	if err := Validate(data); err != nil {
		return nil, fmt.Errorf("it is no report: %w", err)
	}
	r := &Report{}
	return r, json.Unmarshal(data, r)
}
