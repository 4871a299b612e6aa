package main

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// rawOperations write their answers themselves although they are not streams: their bodies have two forms, or would
// be held in memory whole.
var rawOperations = []string{"downloadFile", "replaceContent", "getCommandOutput", "getCommandLogs", "searchFiles", "listDirectory"}

// timeFormat keeps the fractions of a second, which ogen cuts off by default.
const timeFormat = "2006-01-02T15:04:05.999999999Z07:00"

// forOgen changes a document into the one that ogen is given: errors, request ids and keys are the business of the
// middleware around the generated code, streams and files are written by hand, and multipart bodies are read by hand.
func forOgen(document []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	root := doc.Content[0]
	drop(root, "security")
	for _, item := range values(get(root, "paths")) {
		for _, method := range []string{"get", "put", "post", "patch", "delete"} {
			if op := get(item, method); op != nil {
				operation(op)
			}
		}
	}
	everywhere(root, dateTime)
	everywhere(root, alternatives)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	if err := enc.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func operation(op *yaml.Node) {
	drop(op, "security")
	raw := slices.Contains(rawOperations, get(op, "operationId").Value)
	responses := get(op, "responses")
	for _, status := range keys(responses) {
		if status >= "400" {
			drop(responses, status)
			continue
		}
		response := get(responses, status)
		drop(get(response, "headers"), "X-Request-ID")
		content := get(response, "content")
		for _, mediaType := range keys(content) {
			if raw || mediaType == "text/event-stream" || mediaType == "application/octet-stream" {
				set(get(content, mediaType), "x-ogen-raw-response", "!!bool", "true")
				drop(response, "headers") // a raw handler writes its own
			}
		}
	}
	if content := get(get(op, "requestBody"), "content"); content != nil {
		for i := 0; i < len(content.Content); i += 2 {
			if strings.HasPrefix(content.Content[i].Value, "multipart/") {
				content.Content[i].Value = "multipart/*"
				binary := &yaml.Node{Kind: yaml.MappingNode}
				set(binary, "type", "!!str", "string")
				set(binary, "format", "!!str", "binary")
				content.Content[i+1] = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
					{Kind: yaml.ScalarNode, Value: "schema"}, binary,
				}}
			}
		}
	}
}

func dateTime(n *yaml.Node) {
	if format := get(n, "format"); format != nil && format.Value == "date-time" {
		set(n, "x-ogen-time-format", "!!str", timeFormat)
	}
}

// alternatives drops "at least one of these properties", which ogen would make a sum type of.
func alternatives(n *yaml.Node) {
	if get(n, "properties") != nil {
		drop(n, "anyOf")
	}
}

func everywhere(n *yaml.Node, f func(*yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		f(n)
	}
	for _, child := range n.Content {
		everywhere(child, f)
	}
}

func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func set(n *yaml.Node, key, tag, value string) {
	n.Content = append(n.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Value: key},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value})
}

func drop(n *yaml.Node, key string) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

func keys(n *yaml.Node) []string {
	var out []string
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			out = append(out, n.Content[i].Value)
		}
	}
	return out
}

func values(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 1; i < len(n.Content); i += 2 {
			out = append(out, n.Content[i])
		}
	}
	return out
}
