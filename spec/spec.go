// Package spec holds the two documents of the OpenSandbox API and the ledger of requirements, and loads them.
//
// It knows how the documents say what OpenAPI has no place for (the x- extensions), and nothing about judging.
package spec

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed sandbox-lifecycle.yml execd-api.yaml requirements.yaml
var files embed.FS

// The names of the two documents, as findings cite them.
const (
	LifecycleFile = "sandbox-lifecycle.yml"
	ExecdFile     = "execd-api.yaml"
)

// ErrorSchema is the name of the schema that every error body follows.
const ErrorSchema = "ErrorResponse"

// Core is the capability of all that carries no x-capability.
const Core = "core"

// Document is one OpenAPI document in two readings: as it stands, which says what a deployment must do, and with
// every x-should applied, which says what it should do.
type Document struct {
	Name       string // file name
	Must       *openapi3.T
	Should     *openapi3.T
	Operations []*Operation // in the order of path and method
}

// Operation is one operation of a document in both readings.
type Operation struct {
	Document   *Document
	Method     string
	Path       string // template, e.g. /sandboxes/{sandboxId}
	ID         string // operationId
	Group      string // its one tag
	Capability string // Core, or the optional capability that it belongs to
	Must       *openapi3.Operation
	Should     *openapi3.Operation
	Parameters openapi3.Parameters // of the path and of the operation
}

// String is the name that reports use: METHOD and path template.
func (o *Operation) String() string { return o.Method + " " + o.Path }

// Lifecycle gives the document of the lifecycle API, read once; nobody may change it.
func Lifecycle() (*Document, error) { return lifecycle() }

// Execd gives the document of the API inside a sandbox, read once; nobody may change it.
func Execd() (*Document, error) { return execd() }

var (
	lifecycle = sync.OnceValues(func() (*Document, error) { return embedded(LifecycleFile) })
	execd     = sync.OnceValues(func() (*Document, error) { return embedded(ExecdFile) })
)

// Source returns a document as text.
func Source(name string) ([]byte, error) { return files.ReadFile(name) }

func embedded(name string) (*Document, error) {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Load(name, data)
}

// Load reads a document from its text.
func Load(name string, data []byte) (*Document, error) {
	must, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	should, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	if err := applyShould(should); err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	doc := &Document{Name: name, Must: must, Should: should}
	for _, path := range must.Paths.InMatchingOrder() {
		item := must.Paths.Value(path)
		for method, op := range item.Operations() {
			entry := &Operation{
				Document: doc, Method: method, Path: path, ID: op.OperationID,
				Capability: Capability(op.Extensions),
				Must:       op,
				Should:     should.Paths.Value(path).GetOperation(method),
				Parameters: slices.Concat(item.Parameters, op.Parameters),
			}
			if len(op.Tags) > 0 {
				entry.Group = op.Tags[0]
			}
			doc.Operations = append(doc.Operations, entry)
		}
	}
	slices.SortFunc(doc.Operations, func(a, b *Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return doc, nil
}

func read(data []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	return loader.LoadFromData(data)
}

// Validate checks the document by the rules of OpenAPI, its examples included.
func (d *Document) Validate(ctx context.Context) error {
	return d.Must.Validate(ctx, openapi3.EnableExamplesValidation())
}

// Operation finds an operation by its id, or by METHOD and path template; nil where there is none.
func (d *Document) Operation(name string) *Operation {
	for _, op := range d.Operations {
		if op.ID == name || op.String() == name {
			return op
		}
	}
	return nil
}

// Match finds the operation that a request is for. Where only the path is known it returns no operation and the
// methods that the path has; where the path is unknown it returns neither.
func (d *Document) Match(method, path string) (op *Operation, allowed []string) {
	best := -1
	for _, candidate := range d.Operations {
		fixed, ok := matchPath(candidate.Path, path)
		switch {
		case !ok || fixed < best:
			continue
		case fixed > best:
			best, op, allowed = fixed, nil, nil
		}
		allowed = append(allowed, candidate.Method)
		if candidate.Method == method {
			op = candidate
		}
	}
	return op, allowed
}

// matchPath tells whether a path follows a template, and how many of its segments are fixed text.
func matchPath(template, path string) (fixed int, ok bool) {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return 0, false
	}
	for i, segment := range want {
		switch {
		case strings.HasPrefix(segment, "{"):
			if have[i] == "" {
				return 0, false
			}
		case segment == have[i]:
			fixed++
		default:
			return 0, false
		}
	}
	return fixed, true
}

// Response finds what an operation documents for a status, in the reading that t stands for: its own response, or the
// common one of x-common-responses. It is nil where the status is undocumented.
func (d *Document) Response(reading *openapi3.T, op *openapi3.Operation, status int) *openapi3.Response {
	key := fmt.Sprint(status)
	if op != nil {
		if ref := op.Responses.Value(key); ref != nil {
			return ref.Value
		}
	}
	common, _ := reading.Extensions[ExtCommonResponses].(map[string]any)
	entry, _ := common[key].(map[string]any)
	name, found := strings.CutPrefix(fmt.Sprint(entry["$ref"]), "#/components/responses/")
	if !found || reading.Components.Responses[name] == nil {
		return nil
	}
	return reading.Components.Responses[name].Value
}

// Success is the lowest 2xx status that an operation documents.
func (o *Operation) Success() int {
	lowest := 0
	for key := range o.Must.Responses.Map() {
		var status int
		if _, err := fmt.Sscan(key, &status); err == nil && status < http.StatusMultipleChoices && (lowest == 0 || status < lowest) {
			lowest = status
		}
	}
	return lowest
}

// KeyHeader is the header that carries the key or token of this API.
func (d *Document) KeyHeader() string {
	for _, scheme := range d.Must.Components.SecuritySchemes {
		if scheme.Value != nil && scheme.Value.Type == "apiKey" && scheme.Value.In == "header" {
			return scheme.Value.Name
		}
	}
	return ""
}
