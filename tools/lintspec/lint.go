package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"gopkg.in/yaml.v3"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

const streamEventSchema = "#/components/schemas/ServerStreamEvent"

// Lint returns every problem of a document; none means that it is good.
func Lint(ctx context.Context, name string, data []byte) []string {
	doc, err := spec.Load(name, data)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if err := doc.Validate(ctx); err != nil {
		say("%v", err)
	}
	if err := doc.Should.Validate(ctx, openapi3.EnableExamplesValidation()); err != nil {
		say("an example does what the document says one should not: %v", err)
	}
	for _, key := range unknownExtensions(data) {
		say("unknown extension %s; known are %s", key, strings.Join(spec.Extensions(), ", "))
	}
	declared := map[string]bool{}
	for _, tag := range doc.Must.Tags {
		declared[tag.Name] = true
	}
	ids := map[string]string{}
	for _, op := range doc.Operations {
		if other, twice := ids[op.ID]; op.ID == "" || twice {
			say("%s: operationId %q is missing or that of %s too", op, op.ID, other)
		}
		ids[op.ID] = op.String()
		if len(op.Must.Tags) != 1 || !declared[op.Group] {
			say("%s: needs exactly one tag, declared at the root: its group", op)
		}
		if op.Must.Summary == "" || op.Must.Description == "" {
			say("%s: needs a summary and a description", op)
		}
		for _, status := range []string{"401", "500"} {
			if op.Must.Responses.Value(status) == nil {
				say("%s: documents no %s", op, status)
			}
		}
		for status, response := range op.Must.Responses.Map() {
			if status >= "400" && !isError(response.Value) {
				say("%s: %s has a body other than %s", op, status, spec.ErrorSchema)
			}
			lintStream(op, status, response.Value, say)
		}
	}
	lintCommon(doc, say)
	return problems
}

func lintStream(op *spec.Operation, status string, response *openapi3.Response, say func(string, ...any)) {
	media := response.Content.Get("text/event-stream")
	if media == nil || media.Schema == nil || media.Schema.Ref != streamEventSchema {
		return
	}
	sequences, err := op.Sequences()
	if err != nil || len(sequences) == 0 {
		say("%s: %s is a stream of events and there is no good %s (%v)", op, status, spec.ExtEventSequence, err)
		return
	}
	if len(sequences[len(sequences)-1].When) != 0 {
		say("%s: the last entry of %s must hold for every request", op, spec.ExtEventSequence)
	}
	for _, entry := range sequences {
		for _, expr := range []string{entry.Must, entry.Should} {
			if expr == "" {
				continue
			}
			if _, err := stream.CompileSequence(expr); err != nil {
				say("%s: %v", op, err)
			}
		}
	}
}

func lintCommon(doc *spec.Document, say func(string, ...any)) {
	common, _ := doc.Must.Extensions[spec.ExtCommonResponses].(map[string]any)
	if len(common) == 0 {
		say("%s is missing", spec.ExtCommonResponses)
	}
	for status := range common {
		var code int
		if _, err := fmt.Sscan(status, &code); err != nil {
			say("%s: %q is no status", spec.ExtCommonResponses, status)
			continue
		}
		if response := doc.Response(doc.Must, nil, code); response == nil || !isError(response) {
			say("%s: %s is no reference to an error response", spec.ExtCommonResponses, status)
		}
	}
}

func isError(response *openapi3.Response) bool {
	media := response.Content.Get("application/json")
	return media != nil && len(response.Content) == 1 && media.Schema != nil &&
		media.Schema.Ref == "#/components/schemas/"+spec.ErrorSchema
}

// unknownExtensions lists the x- keys that nothing knows, examples left out: they may hold anything.
func unknownExtensions(data []byte) []string {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil
	}
	var found []string
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			for _, child := range n.Content {
				visit(child)
			}
			return
		}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if strings.HasPrefix(key, "x-") && !slices.Contains(spec.Extensions(), key) && !slices.Contains(found, key) {
				found = append(found, key)
			}
			if key != "example" && key != "examples" {
				visit(n.Content[i+1])
			}
		}
	}
	visit(&doc)
	slices.Sort(found)
	return found
}
