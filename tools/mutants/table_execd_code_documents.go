package main

import (
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeDocumentMutants answer the code operations as no document says.
func codeDocumentMutants() []Mutant {
	deletion := func(requirement string, m mutant.Match) []Mutant {
		return breaks(requirement,
			mutant.Status(m, 200, 204),
			mutant.Status(m, 200, 202),
			bodied(m, map[string]any{"deleted": true}),
		)
	}
	return slices.Concat(
		breaks("EX-CONTEXT-01",
			mutant.Status(createContext, 200, 201),
			mutant.ContentType(createContext, "text/plain; charset=utf-8"),
			mutant.DropField(createContext, "language"),
			mutant.SetField(createContext, "id", 7),
			mutant.JSON(createContext, "the context in an envelope", func(v any) any { return map[string]any{"context": v} }),
			mutant.EmptyBody(createContext.On(400)),
			mutant.DropField(createContext.On(400), "message"),
			asText(createContext.On(400), "bad request"),
		),
		breaks("EX-CONTEXT-02",
			mutant.Status(listContexts, 200, 206),
			mutant.ContentType(listContexts, "application/x-ndjson"),
			mutant.JSON(listContexts, "the list in an envelope", func(v any) any { return map[string]any{"contexts": v} }),
			mutant.JSON(listContexts, "an object by id", byID),
			mutant.JSON(listContexts, "null for an empty list", func(v any) any {
				if list, ok := v.([]any); ok && len(list) == 0 {
					return nil
				}
				return v
			}),
			mutant.JSON(listContexts, "ids alone", idsAlone),
			mutant.DropField(listContexts, "*.language"),
			mutant.SetField(listContexts, "*.id", nil),
		),
		breaks("EX-CONTEXT-03",
			mutant.Status(getContext, 200, 203),
			mutant.DropField(getContext, "language"),
			mutant.SetField(getContext, "language", []string{"python"}),
			mutant.ContentType(getContext, "text/html"),
			mutant.EmptyBody(getContext.On(404)),
			mutant.DropField(getContext.On(404), "code"),
			asText(getContext.On(404), "404 page not found"),
		),
		deletion("EX-CONTEXT-04", deleteContext),
		breaks("EX-CONTEXT-04",
			mutant.EmptyBody(deleteContext.On(404)),
			mutant.DropField(deleteContext.On(404), "message"),
			mutant.Status(deleteContext, 404, 410),
		),
		deletion("EX-CONTEXT-05", deleteContexts),
		breaks("EX-CODE-01",
			mutant.Status(runCode, 200, 201),
			mutant.Status(runCode, 200, 202),
			mutant.ContentType(runCode, "application/x-ndjson"),
			mutant.DropHeader(runCode, "Content-Type"),
			renamed(mutant.EmptyBody(runCode.On(400)), runCode, "400 with no body"),
			mutant.DropField(runCode.On(400), "message"),
			mutant.SetField(runCode.Errors(), "code", 404),
			renamed(mutant.EmptyBody(runCode.On(404)), runCode, "404 with no body"),
		),
		breaks("EX-CODE-02",
			mutant.Status(interruptCode, 200, 204),
			mutant.Status(interruptCode, 200, 202),
			bodied(interruptCode, map[string]any{"interrupted": true}),
			mutant.EmptyBody(interruptCode.Errors()),
			mutant.DropField(interruptCode.Errors(), "code"),
		),
	)
}

// bodied gives an answer a body where there should be none.
func bodied(m mutant.Match, v any) mutant.Fault {
	return chained(m, "a body where there should be none", mutant.ContentType(m, "application/json"),
		mutant.Body(m, "", func([]byte) []byte { return mustJSON(v) }))
}

func byID(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	object := map[string]any{}
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			id, _ := m["id"].(string)
			object[id] = m
		}
	}
	return object
}

func idsAlone(v any) any {
	list, _ := v.([]any)
	for i, e := range list {
		if m, ok := e.(map[string]any); ok {
			list[i] = m["id"]
		}
	}
	return v
}
