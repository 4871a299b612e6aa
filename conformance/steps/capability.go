package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) capabilities(s *register) {
	s.step(`the capability ([\w-]+)`, w.capability)
}

// capability finds out once in a run whether an optional capability of parameters is there, by its effect, and ends
// the scenario where it is not.
func (w *World) capability(ctx context.Context, name string) error {
	known := w.Target.Capabilities
	present, found := known.Found(name)
	if !found {
		probe, ok := probes[name]
		if !ok {
			return fmt.Errorf("the suite has no probe for the capability %q", name)
		}
		var err error
		if present, err = probe(ctx, w); err != nil {
			return err
		}
		known.Set(name, present)
	}
	if !present && slices.Contains(known.Declared, name) {
		return nil // it was declared: the checks say what is missing
	}
	if !present {
		return &Skip{"the deployment does not have the capability " + name}
	}
	return nil
}

var probes = map[string]func(context.Context, *World) (bool, error){
	"command-options": func(ctx context.Context, w *World) (bool, error) {
		last, out := w.last, w.out
		defer func() { w.last, w.out = last, out }()
		fields := map[string]any{"command": "echo $OSC_PROBE", "envs": map[string]any{"OSC_PROBE": "seen"}}
		data, header := judge.JSON(fields)
		if err := w.run(ctx, judge.Request{Body: data, Header: header, Fields: fields}); err != nil {
			return false, err
		}
		return strings.TrimSpace(joined(w.out.stdout)) == "seen", nil
	},
	"line-reads": func(ctx context.Context, w *World) (bool, error) {
		last := w.last
		defer func() { w.last = last }()
		path := w.vars["dir"] + "/probe"
		if err := w.upload(ctx, path, "one\ntwo\nthree\n", pair{}); err != nil {
			return false, err
		}
		if err := w.download(ctx, path, "&offset=2&limit=1", ""); err != nil {
			return false, err
		}
		// Whoever ignores the parameters answers the whole; any other answer shows that they have an effect.
		return string(w.last.Body) != "one\ntwo\nthree\n", nil
	},
}
