package contract

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// streamEvent is the schema that every event follows; its discriminator names the schema of each type of event.
const streamEvent = "ServerStreamEvent"

// EventSchemas returns the schemas that an event of this type follows in a reading of the document: that of all
// events, and that of its type where the type is known.
func EventSchemas(doc *spec.Document, level spec.Level, eventType string) []*openapi3.Schema {
	reading := doc.Must
	if level == spec.Should {
		reading = doc.Should
	}
	base := reading.Components.Schemas[streamEvent]
	if base == nil || base.Value == nil {
		return nil
	}
	schemas := []*openapi3.Schema{base.Value}
	if base.Value.Discriminator != nil {
		name := strings.TrimPrefix(base.Value.Discriminator.Mapping[eventType].Ref, "#/components/schemas/")
		if of := reading.Components.Schemas[name]; of != nil && of.Value != nil {
			schemas = append(schemas, of.Value)
		}
	}
	return schemas
}

// KnownEvent says whether the document has this type of event.
func KnownEvent(doc *spec.Document, eventType string) bool {
	base := doc.Must.Components.Schemas[streamEvent]
	if base == nil || base.Value == nil || base.Value.Discriminator == nil {
		return false
	}
	_, known := base.Value.Discriminator.Mapping[eventType]
	return known
}

// Place names the line of a document where an operation stands.
func Place(doc *spec.Document, op *spec.Operation) string {
	if doc == nil {
		return ""
	}
	if op == nil {
		return doc.Name
	}
	return place(doc, op.Must.Origin)
}

// Frame returns the breaches of one frame of a stream that is no execution's, by the schema of its answer.
func Frame(e *exchange.Exchange, level spec.Level, value any) []Breach {
	op, reading := e.Operation.Must, e.Document.Must
	if level == spec.Should {
		op, reading = e.Operation.Should, e.Document.Should
	}
	response := e.Document.Response(reading, op, e.Status)
	if response == nil {
		return nil
	}
	media := response.Content.Get("text/event-stream")
	if media == nil || media.Schema == nil {
		return nil
	}
	return Value(e.Document, level, "a frame", media.Schema.Value, value)
}
