package spec

import (
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// The extensions that the documents use; the lint of the documents refuses any other.
const (
	ExtCapability      = "x-capability"       // operation, parameter, property: the optional capability it belongs to
	ExtShould          = "x-should"           // schema, header, response: what is only good practice
	ExtEventSequence   = "x-event-sequence"   // stream operation: the order of its events
	ExtCommonResponses = "x-common-responses" // root: what any request may get
	ExtEmptyUnless     = "x-empty-unless"     // response: its body is there only with that query parameter
)

// Extensions lists every extension known.
func Extensions() []string {
	return []string{ExtCapability, ExtShould, ExtEventSequence, ExtCommonResponses, ExtEmptyUnless}
}

// Capability reads x-capability; Core where there is none.
func Capability(extensions map[string]any) string {
	if name, ok := extensions[ExtCapability].(string); ok {
		return name
	}
	return Core
}

// EventSequence is one entry of x-event-sequence: for requests whose body has the values of When, the sequence that
// a stream must follow, and the stricter one that it should.
type EventSequence struct {
	When   map[string]any `json:"when"`
	Must   string         `json:"must"`
	Should string         `json:"should"`
}

// Sequences reads the x-event-sequence of an operation; none where it has no event stream.
func (o *Operation) Sequences() ([]EventSequence, error) {
	raw, ok := o.Must.Extensions[ExtEventSequence]
	if !ok {
		return nil, nil
	}
	var out []EventSequence
	if err := recode(raw, &out); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", o, ExtEventSequence, err)
	}
	return out, nil
}

// Sequence picks the entry for a request body: the first whose When it meets.
func (o *Operation) Sequence(body map[string]any) (EventSequence, bool, error) {
	all, err := o.Sequences()
	if err != nil {
		return EventSequence{}, false, err
	}
	for _, entry := range all {
		met := true
		for name, want := range entry.When {
			met = met && fmt.Sprint(body[name]) == fmt.Sprint(want)
		}
		if met {
			return entry, true, nil
		}
	}
	return EventSequence{}, false, nil
}

func recode(from, to any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}

// applyShould turns a document into its stricter reading.
func applyShould(doc *openapi3.T) error {
	w := walker{seen: map[*openapi3.Schema]bool{}, schema: tightenSchema, header: tightenHeader}
	return w.document(doc)
}

func tightenSchema(s *openapi3.Schema) error {
	raw, ok := s.Extensions[ExtShould]
	if !ok {
		return nil
	}
	var should openapi3.Schema
	if err := recode(raw, &should); err != nil {
		return fmt.Errorf("%s: %w", ExtShould, err)
	}
	should.Origin = s.Origin
	s.AllOf = append(s.AllOf, openapi3.NewSchemaRef("", &should))
	return nil
}

func tightenHeader(h *openapi3.Header) error {
	var should struct {
		Required bool `json:"required"`
	}
	if err := recode(h.Extensions[ExtShould], &should); err != nil {
		return fmt.Errorf("%s: %w", ExtShould, err)
	}
	h.Required = h.Required || should.Required
	return nil
}
