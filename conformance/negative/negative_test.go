package negative_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/negative"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

var options = negative.Options{Seed: 1, Unknown: func() string { return "unknown" }}

func documents(t *testing.T) []*spec.Document {
	t.Helper()
	lifecycle, err := spec.Lifecycle()
	if err != nil {
		t.Fatal(err)
	}
	execd, err := spec.Execd()
	if err != nil {
		t.Fatal(err)
	}
	return []*spec.Document{lifecycle, execd}
}

func casesOf(op *spec.Operation) []negative.Case {
	return options.Cases(negative.NewBase(op, negative.Values{}))
}

// Every parameter and every field of every operation is made wrong, or it is said why not.
func TestEveryParameterAndFieldHasCases(t *testing.T) {
	for _, doc := range documents(t) {
		for _, op := range doc.Operations {
			have := map[string]bool{}
			for _, c := range casesOf(op) {
				have[c.Where+" "+string(c.Kind)] = true
			}
			for need := range needs(op) {
				if !have[need] && negative.Withheld[op.ID+" "+need] == "" {
					t.Errorf("%s has no case %q", op.ID, need)
				}
			}
		}
	}
}

// needs walks an operation by itself, to hold the package to it.
func needs(op *spec.Operation) map[string]bool {
	all := map[string]bool{}
	need := func(where string, kind negative.Kind) { all[where+" "+string(kind)] = true }
	for _, ref := range op.Parameters {
		p := ref.Value
		s := p.Schema.Value
		if s.Items != nil {
			s = s.Items.Value
		}
		if p.In == "query" && p.Required {
			need(p.Name, negative.Unnamed)
		}
		if !s.Type.Is("string") {
			need(p.Name, negative.Unreadable)
		}
		if s.Min != nil || s.Max != nil {
			need(p.Name, negative.Beyond)
		}
		if p.In == "path" && s.Type.Is("string") {
			need(p.Name, negative.UnknownID)
		}
	}
	if op.Must.RequestBody == nil {
		return all
	}
	for media, m := range op.Must.RequestBody.Value.Content {
		switch media {
		case "multipart/form-data":
			need("", negative.NotForm)
			for _, part := range m.Schema.Value.Required {
				need(part, negative.Missing)
			}
			walk(m.Schema.Value.Properties["metadata"].Value.Items.Value, "", need)
		default:
			need("", negative.NotJSON)
			need("", negative.ContentType)
			walk(m.Schema.Value, "", need)
		}
	}
	return all
}

func walk(s *openapi3.Schema, where string, need func(string, negative.Kind)) {
	need(where, negative.WrongType)
	below := func(name string) string { return strings.TrimPrefix(where+"."+name, ".") }
	for name, ref := range s.Properties {
		if slices.Contains(s.Required, name) {
			need(below(name), negative.Missing)
		}
		walk(ref.Value, below(name), need)
	}
	if closed := s.AdditionalProperties.Has; closed != nil && !*closed {
		need(below("osc-unknown"), negative.Extra)
	}
	if free := s.AdditionalProperties.Schema; free != nil {
		walk(free.Value, below("*"), need)
	}
	if s.Items != nil {
		walk(s.Items.Value, below("0"), need)
	}
	if s.Min != nil || s.Max != nil || s.MinItems > 0 || len(s.Enum) > 0 {
		need(where, negative.OutOfRange)
	}
	if s.MinLength > 0 {
		need(where, negative.EmptyText)
	}
	if s.Format == "date-time" {
		need(where, negative.Malformed)
	}
}

// A case is wrong in just one way: its body is not valid by the document where it is JSON and its kind is one of bodies,
// and the good request that it is made from is.
func TestGoodRequestsAreGoodAndWrongOnesWrong(t *testing.T) {
	values := map[negative.Kind]bool{
		negative.Missing: true, negative.WrongType: true, negative.OutOfRange: true, negative.Malformed: true, negative.Null: true,
		negative.EmptyText: true, negative.Extra: true,
	}
	for _, doc := range documents(t) {
		for _, op := range doc.Operations {
			body := op.Must.RequestBody
			if body == nil || body.Value.Content["application/json"] == nil {
				continue
			}
			schema := body.Value.Content["application/json"].Schema.Value
			if err := valid(schema, negative.NewBase(op, negative.Values{}).Request().Body); err != nil {
				t.Errorf("%s: the good request: %v", op.ID, err)
			}
			for _, c := range casesOf(op) {
				err := valid(schema, c.Request.Body)
				if isJSON := json.Valid(c.Request.Body); isJSON == (c.Kind == negative.NotJSON) {
					t.Errorf("%s: %s: JSON %v: %s", op.ID, c.What, isJSON, c.Request.Body)
				}
				if values[c.Kind] != (err != nil) && c.Kind != negative.NotJSON {
					t.Errorf("%s: %s: %s is by the document: %v", op.ID, c.What, c.Request.Body, err)
				}
			}
		}
	}
}

func valid(schema *openapi3.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if err := bits(value); err != nil { // which the library leaves unchecked
		return err
	}
	return schema.VisitJSON(value, openapi3.VisitAsRequest(), openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{"date-time": openapi3.NewCallbackValidator(func(s string) error {
			if s == "2099-02-31T00:00:00Z" || !strings.Contains(s, ":") {
				return fmt.Errorf("%q is no date-time", s)
			}
			return nil
		})}))
}

func bits(value any) error {
	object, _ := value.(map[string]any)
	for name, member := range object {
		if n, ok := member.(float64); ok && n >= 1<<31 {
			return fmt.Errorf("%s is %v", name, n)
		}
	}
	return nil
}

func TestTheSameSeedMakesTheSameCases(t *testing.T) {
	show := func(seed uint64) map[string]string {
		all := map[string]string{}
		for _, doc := range documents(t) {
			for _, op := range doc.Operations {
				for i, c := range (negative.Options{Seed: seed, Unknown: options.Unknown}).Cases(negative.NewBase(op, negative.Values{})) {
					all[fmt.Sprintf("%s %d", op.ID, i)] = fmt.Sprintf("%s %s %s", c.What, c.Request.Query, c.Request.Body)
				}
			}
		}
		return all
	}
	if diff := cmp.Diff(show(3), show(3)); diff != "" {
		t.Error(diff)
	}
	if maps.Equal(show(3), show(4)) {
		t.Error("another seed makes the same cases")
	}
}

// What a rule says is a row of the ledger about that operation, a MUST where it names one status, and nothing asks for
// sandboxes that live long.
func TestRulesAreRowsOfTheLedger(t *testing.T) {
	ledger, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]spec.Requirement{}
	for _, row := range ledger {
		rows[row.ID] = row
	}
	for _, doc := range documents(t) {
		for _, op := range doc.Operations {
			for _, c := range casesOf(op) {
				row, known := rows[c.Rule.Requirement]
				switch {
				case !known:
					t.Errorf("%s: %s: no row %q", op.ID, c.What, c.Rule.Requirement)
				case !row.Operations.Concerns(op.String()) || row.Document() != doc.Name:
					t.Errorf("%s: %s: %s is about others", op.ID, c.What, row.ID)
				case row.Level == spec.Must && len(c.Rule.Statuses) == 0:
					t.Errorf("%s: %s: %s is a MUST and names no status", op.ID, c.What, row.ID)
				}
			}
		}
	}
}

func TestEveryPathIsAskedWithAMethodThatItDoesNotHave(t *testing.T) {
	for _, doc := range documents(t) {
		var bases []*negative.Base
		paths := map[string]bool{}
		for _, op := range doc.Operations {
			bases = append(bases, negative.NewBase(op, negative.Values{}))
			paths[op.Path] = true
		}
		for _, c := range options.Methods(bases) {
			delete(paths, c.Operation.Path)
			if op := doc.Operation(c.Request.Method + " " + c.Operation.Path); op != nil {
				t.Errorf("%s is an operation", op)
			}
			if c.Request.Method == "DELETE" {
				t.Errorf("%s: a server may do what it says", c.What)
			}
		}
		for path := range paths {
			t.Errorf("%s has no case", path)
		}
	}
}

// A document that is written tomorrow has cases too, by the rules that hold for all.
func TestANewOperationHasCases(t *testing.T) {
	doc, err := spec.Load(spec.ExecdFile, []byte(`
openapi: 3.0.3
info: {title: t, version: "1"}
components: {schemas: {}}
paths:
  /things/{thingId}:
    post:
      operationId: newThing
      tags: [things]
      parameters:
        - {name: thingId, in: path, required: true, schema: {type: string}}
        - {name: kind, in: query, schema: {type: string, enum: [a, b]}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [name]
              properties:
                name: {type: string, pattern: '^[a-z]+$', example: osc}
                tags: {type: array, items: {type: string, enum: [x, y]}}
      responses: {'200': {description: done}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range casesOf(doc.Operations[0]) {
		got[strings.TrimSpace(c.Where+" "+string(c.Kind))] = c.Rule.Requirement
	}
	want := map[string]string{
		"thingId unknown id": "EX-NEG-02", "kind parameter range": "EX-NEG-02", "no JSON": "EX-NEG-01", "wrong type": "EX-NEG-01",
		"wrong content type": "EX-NEG-03", "name missing field": "EX-NEG-01", "name wrong type": "EX-NEG-01", "name wrong format": "EX-NEG-03",
		"tags wrong type": "EX-NEG-01", "tags null": "EX-NEG-03", "tags.0 wrong type": "EX-NEG-01", "tags.0 out of range": "EX-NEG-03",
		"osc-unknown unknown property": "EX-NEG-03",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
