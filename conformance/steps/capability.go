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

// capability ends the scenario where the deployment does not have an optional capability.
func (w *World) capability(ctx context.Context, name string) error {
	present, err := w.has(ctx, name)
	if err != nil || present {
		return err
	}
	if slices.Contains(w.Target.Capabilities.Declared, name) {
		return nil // it was declared: the checks say what is missing
	}
	w.Target.Book.Ballot.Absent(name)
	return &Skip{"the deployment does not have the capability " + name}
}

// has finds out once in a run whether an optional capability is there: by the answer of its operations, or by the
// effect of its parameters.
func (w *World) has(ctx context.Context, name string) (bool, error) {
	known := w.Target.Capabilities
	if present, found := known.Found(name); found {
		return present, nil
	}
	probe, ok := probes[name]
	if !ok {
		return false, fmt.Errorf("the suite has no probe for the capability %q", name)
	}
	var present bool
	err := w.aside(func() (err error) {
		present, err = probe(ctx, w)
		return err
	})
	if err == nil {
		known.Set(name, present)
	}
	return present, err
}

var probes = map[string]func(context.Context, *World) (bool, error){
	"command-options": func(ctx context.Context, w *World) (bool, error) {
		fields := map[string]any{"command": "echo $OSC_PROBE", "envs": map[string]any{"OSC_PROBE": "seen"}}
		if err := w.run(ctx, judge.Object(fields)); err != nil {
			return false, err
		}
		return strings.TrimSpace(joined(w.out.stdout)) == "seen", nil
	},
	"line-reads": func(ctx context.Context, w *World) (bool, error) {
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
	"replace-counts": func(ctx context.Context, w *World) (bool, error) {
		path := w.vars["dir"] + "/counts"
		if err := w.upload(ctx, path, "one\n", pair{}); err != nil {
			return false, err
		}
		r := judge.Object(map[string]any{path: map[string]any{"old": "one", "new": "two"}})
		r.Query, r.Rough = "verbose=true", true
		err := w.call(ctx, "replaceContent", r)
		return w.last.OK() && len(w.last.Body) > 0, err // whoever ignores the parameter answers nothing
	},
	"manual-cleanup": func(ctx context.Context, w *World) (bool, error) {
		probe := NewWorld(w.Target, w.Scenario, nil)
		defer probe.End(context.WithoutCancel(ctx))
		if err := probe.createSandbox(ctx, map[string]any{"timeout": nil}); err != nil {
			return false, err
		}
		_, ends := body(probe.last).time("expiresAt")
		return probe.last.OK() && !ends, nil
	},
	"metadata-patch": func(ctx context.Context, w *World) (bool, error) {
		r := judge.Object(map[string]any{})
		r.Rough = true
		err := w.call(ctx, "patchSandboxMetadata", r)
		return !judge.NotOffered(w.last), err
	},
	"command-output": func(ctx context.Context, w *World) (bool, error) {
		return w.answersFor(ctx, "getCommandOutput", false)
	},
	"command-logs": func(ctx context.Context, w *World) (bool, error) {
		return w.answersFor(ctx, "getCommandLogs", true)
	},
	"sessions": func(ctx context.Context, w *World) (bool, error) {
		if err := w.call(ctx, "createSession", judge.Request{Rough: true}); err != nil {
			return false, err
		}
		present := !judge.NotOffered(w.last)
		if id := body(w.last).text("session_id"); id != "" {
			w.sessions = append(w.sessions, id)
		}
		return present, nil
	},
	"code-context-get": func(ctx context.Context, w *World) (bool, error) {
		r := judge.Object(map[string]any{"language": "python"})
		r.Rough = true
		if err := w.call(ctx, "createCodeContext", r); err != nil {
			return false, err
		}
		id := body(w.last).text("id")
		if !w.last.OK() || id == "" {
			return false, unjudged("no context can be had: %s", w.answer())
		}
		w.contexts["probe"] = id
		err := w.call(ctx, "getContext", judge.Request{Path: w.fill("getContext", id), Rough: true})
		return !judge.NotOffered(w.last), err
	},
	"directory-listing": func(ctx context.Context, w *World) (bool, error) {
		err := w.call(ctx, "listDirectory", judge.Request{Query: "path=/", Rough: true})
		return !judge.NotOffered(w.last), err
	},
}

// answersFor says whether an operation knows a command that has run, which it does not where it is not offered.
func (w *World) answersFor(ctx context.Context, id string, background bool) (bool, error) {
	fields := map[string]any{"command": "true", "background": background}
	r := judge.Object(fields)
	r.Rough = true
	if err := w.run(ctx, r); err != nil {
		return false, err
	}
	err := w.call(ctx, id, judge.Request{Path: w.fill(id, "${id}"), Rough: true})
	return !judge.NotOffered(w.last), err
}
