package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Value returns the problems of a JSON value by a schema of a document: what package stream's events are judged by.
func Value(doc *spec.Document, level spec.Level, what string, schema *openapi3.Schema, value any) []Breach {
	var out []Breach
	for _, problem := range visit(schema, value) {
		out = append(out, problem.breach(doc, level, what))
	}
	return out
}

type problem struct {
	pointer string
	reason  string
	value   any
	schema  *openapi3.Schema
}

func (p problem) breach(doc *spec.Document, level spec.Level, what string) Breach {
	where := what
	if p.pointer != "" {
		where += " at " + p.pointer
	}
	var origin *openapi3.Origin
	if p.schema != nil {
		origin = p.schema.Origin
	}
	return Breach{
		Level:    level,
		Message:  where + ": " + p.reason,
		Expected: describe(p.schema),
		Actual:   render(p.value),
		Spec:     place(doc, origin),
		kind:     what + ": " + p.reason,
	}
}

// visit checks a value against a schema, as one of an answer unless the options say otherwise, and returns every
// problem that has a place of its own.
func visit(schema *openapi3.Schema, value any, options ...openapi3.SchemaValidationOption) []problem {
	if len(options) == 0 {
		options = []openapi3.SchemaValidationOption{openapi3.VisitAsResponse()}
	}
	options = append(options, openapi3.MultiErrors(), openapi3.EnableFormatValidation(), openapi3.WithStringFormatValidators(formats))
	return problems(schema.VisitJSON(value, options...))
}

// whole makes one problem of several: an error body of another form is one mistake, not one for each property.
func whole(several []problem, schema *openapi3.Schema, value any) problem {
	reasons := make([]string, len(several))
	for i, p := range several {
		reasons[i] = p.reason
	}
	return problem{reason: strings.Join(reasons, "; "), value: value, schema: schema}
}

func problems(err error) []problem {
	if err == nil {
		return nil
	}
	var several openapi3.MultiError
	if errors.As(err, &several) {
		var out []problem
		for _, one := range several {
			out = append(out, problems(one)...)
		}
		return out
	}
	var one *openapi3.SchemaError
	if !errors.As(err, &one) {
		return []problem{{reason: err.Error()}}
	}
	if inner := one.Unwrap(); inner != nil {
		var deeper *openapi3.SchemaError
		if errors.As(inner, &deeper) && (one.SchemaField == "allOf" || one.SchemaField == "oneOf" || one.SchemaField == "anyOf") {
			return problems(inner)
		}
	}
	pointer := ""
	if path := one.JSONPointer(); len(path) > 0 {
		pointer = "/" + strings.Join(path, "/")
	}
	reason := one.Reason
	if reason == "" {
		reason = "breaks " + one.SchemaField
	}
	return []problem{{pointer: pointer, reason: reason, value: one.Value, schema: one.Schema}}
}

// describe says in a few words what a schema asks for.
func describe(s *openapi3.Schema) string {
	if s == nil {
		return ""
	}
	parts := []string{}
	if s.Type != nil {
		parts = append(parts, strings.Join(*s.Type, " or "))
	}
	if s.Format != "" {
		parts = append(parts, "of format "+s.Format)
	}
	if s.Pattern != "" {
		parts = append(parts, "matching "+s.Pattern)
	}
	if len(s.Enum) > 0 {
		parts = append(parts, fmt.Sprintf("one of %v", s.Enum))
	}
	if s.Min != nil {
		parts = append(parts, fmt.Sprintf("at least %v", *s.Min))
	}
	if s.MinLength > 0 {
		parts = append(parts, "not empty")
	}
	if len(s.Required) > 0 {
		parts = append(parts, "with "+strings.Join(s.Required, ", "))
	}
	if s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has {
		parts = append(parts, "and no property that the document does not have")
	}
	return strings.Join(parts, " ")
}

func render(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return snippet(data)
}

// place names a line of a document.
func place(doc *spec.Document, origin *openapi3.Origin) string {
	if origin == nil || origin.Key == nil {
		return doc.Name
	}
	return fmt.Sprintf("%s:%d", doc.Name, origin.Key.Line)
}

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// formats are the formats that the documents use and that kin-openapi checks loosely or not at all.
var formats = map[string]openapi3.StringFormatValidator{
	"uuid":      format(func(s string) bool { return uuidPattern.MatchString(s) }, "a uuid of the form 8-4-4-4-12"),
	"date-time": format(isDateTime, "a date and time by RFC 3339 §5.6"),
	"uri-reference": format(func(s string) bool {
		_, err := url.Parse(s)
		return err == nil
	}, "a URI reference by RFC 3986 §4.1"),
}

func format(valid func(string) bool, name string) openapi3.StringFormatValidator {
	return openapi3.NewCallbackValidator(func(value string) error {
		if !valid(value) {
			return fmt.Errorf("it is not %s", name)
		}
		return nil
	})
}

// isDateTime follows RFC 3339 §5.6; a leap second is allowed, which package time refuses.
func isDateTime(s string) bool {
	upper := strings.ToUpper(s)
	if _, err := time.Parse(time.RFC3339Nano, upper); err == nil {
		return !strings.Contains(upper, ",")
	}
	if i := strings.Index(upper, ":60"); i > 0 {
		_, err := time.Parse(time.RFC3339Nano, upper[:i]+":59"+upper[i+3:])
		return err == nil
	}
	return false
}
