package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

func text(t *testing.T, r *report.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	got, err := report.Read(bytes.NewReader(text(t, sample())))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
}

// Readers ignore what they do not know; but the suite itself writes nothing that the schema does not describe.
func TestTheSchemaDescribesAllThatIsWritten(t *testing.T) {
	var schema any
	if err := json.Unmarshal(report.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("closed.json", closed(schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("closed.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*report.Report{sample(), watched()} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Error(err)
		}
	}
}

// closed forbids, in every object of a schema, what it does not list.
func closed(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		for name, inner := range s {
			s[name] = closed(inner)
		}
		if _, object := s["properties"].(map[string]any); object && s["type"] == "object" {
			s["additionalProperties"] = false
		}
	case []any:
		for i, inner := range s {
			s[i] = closed(inner)
		}
	}
	return schema
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	whole := string(text(t, sample()))
	for what, data := range map[string]string{
		"no JSON":         "conformant",
		"another version": strings.Replace(whole, `"schemaVersion": "1"`, `"schemaVersion": "2"`, 1),
		"another verdict": strings.Replace(whole, `"verdict": "nonconformant"`, `"verdict": "fine"`, 1),
		"another id":      strings.ReplaceAll(whole, `LC-RENEW-02`, `RENEW`),
		"no findings":     strings.Replace(whole, `"findings"`, `"found"`, 1),
	} {
		if _, err := report.Read(strings.NewReader(data)); err == nil {
			t.Errorf("%s: it was read", what)
		}
	}
}
