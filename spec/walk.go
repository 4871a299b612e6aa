package spec

import (
	"errors"

	"github.com/getkin/kin-openapi/openapi3"
)

// walker visits every schema and every header of a document once.
type walker struct {
	seen   map[*openapi3.Schema]bool
	schema func(*openapi3.Schema) error
	header func(*openapi3.Header) error
}

func (w walker) document(doc *openapi3.T) error {
	var errs []error
	for _, ref := range doc.Components.Schemas {
		errs = append(errs, w.ref(ref))
	}
	for _, ref := range doc.Components.Headers {
		errs = append(errs, w.headerRef(ref))
	}
	for _, ref := range doc.Components.Responses {
		errs = append(errs, w.response(ref))
	}
	for _, item := range doc.Paths.Map() {
		errs = append(errs, w.parameters(item.Parameters))
		for _, op := range item.Operations() {
			errs = append(errs, w.parameters(op.Parameters))
			if op.RequestBody != nil && op.RequestBody.Value != nil {
				errs = append(errs, w.content(op.RequestBody.Value.Content))
			}
			for _, ref := range op.Responses.Map() {
				errs = append(errs, w.response(ref))
			}
		}
	}
	return errors.Join(errs...)
}

func (w walker) parameters(all openapi3.Parameters) error {
	var errs []error
	for _, p := range all {
		if p.Value != nil {
			errs = append(errs, w.ref(p.Value.Schema))
		}
	}
	return errors.Join(errs...)
}

func (w walker) response(ref *openapi3.ResponseRef) error {
	if ref == nil || ref.Value == nil {
		return nil
	}
	var errs []error
	for _, h := range ref.Value.Headers {
		errs = append(errs, w.headerRef(h))
	}
	return errors.Join(append(errs, w.content(ref.Value.Content))...)
}

func (w walker) headerRef(ref *openapi3.HeaderRef) error {
	if ref == nil || ref.Value == nil {
		return nil
	}
	return errors.Join(w.header(ref.Value), w.ref(ref.Value.Schema))
}

func (w walker) content(content openapi3.Content) error {
	var errs []error
	for _, media := range content {
		errs = append(errs, w.ref(media.Schema))
	}
	return errors.Join(errs...)
}

func (w walker) ref(ref *openapi3.SchemaRef) error {
	if ref == nil || ref.Value == nil || w.seen[ref.Value] {
		return nil
	}
	s := ref.Value
	w.seen[s] = true
	errs := []error{w.ref(s.Items), w.ref(s.AdditionalProperties.Schema), w.ref(s.Not)}
	for _, p := range s.Properties {
		errs = append(errs, w.ref(p))
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range list {
			errs = append(errs, w.ref(sub))
		}
	}
	return errors.Join(append(errs, w.schema(s))...)
}
