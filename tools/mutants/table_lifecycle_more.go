package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// refusesCreate answers 400 to create requests of whose object test is true.
func refusesCreate(requirement, name string, test func(map[string]any) bool) Mutant {
	return Mutant{Requirement: requirement, Name: name, Setup: Setup{Manual: requirement == "LC-MANUAL-01"},
		HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
			if !isCreate(r) || !hasKey(r) {
				next.ServeHTTP(w, r)
				return
			}
			body := bodyOf(r)
			if o := jsonObject(body); o != nil && test(o) {
				act()
				refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "this server does not take that; send something else")
				return
			}
			next.ServeHTTP(w, withBody(r, body))
		})}
}

// furtherLimitMutants lose limits, or refuse to take them as they may be written.
func furtherLimitMutants() []Mutant {
	limit := func(o map[string]any, name string) string { return stringOf(member(o, "resourceLimits")[name]) }
	cores := func(name string, nano int64) Mutant {
		return Mutant{Requirement: "LC-LIMIT-03", Name: name, Runtime: provisions(func(spec *runtime.Spec) bool {
			changed := spec.Limits.NanoCPUs != nano
			spec.Limits.NanoCPUs = nano
			return changed
		})}
	}
	return []Mutant{
		cores("the processor limit is dropped", 0),
		cores("the processor limit is the server's own, 2", 2e9),
		refusesCreate("LC-LIMIT-04", "millicores are refused", func(o map[string]any) bool { return strings.HasSuffix(limit(o, "cpu"), "m") }),
		refusesCreate("LC-LIMIT-04", "fractions of a core are refused", func(o map[string]any) bool { return strings.Contains(limit(o, "cpu"), ".") }),
		refusesCreate("LC-LIMIT-04", "plain bytes are refused", func(o map[string]any) bool { return strings.Trim(limit(o, "memory"), "0123456789") == "" }),
		refusesCreate("LC-LIMIT-04", "decimal suffixes are refused", func(o map[string]any) bool { return strings.HasSuffix(limit(o, "memory"), "G") }),
		refusesCreate("LC-LIMIT-05", "names that are unknown are refused", func(o map[string]any) bool {
			return slices.ContainsFunc(slices.Collect(maps.Keys(member(o, "resourceLimits"))), func(name string) bool {
				return !slices.Contains([]string{"cpu", "memory", "gpu"}, name)
			})
		}),
		{Requirement: "LC-LIMIT-06", Name: "a count of GPUs is ignored", Runtime: provisions(func(spec *runtime.Spec) bool {
			set := spec.Limits.GPUs > 0
			spec.Limits.GPUs = 0
			return set
		})},
		{Requirement: "LC-LIMIT-06", Name: "Pending for ever", Setup: Setup{Quick: true}, API: hidesFailure("RESOURCES_")},
		{Requirement: "LC-LIMIT-06", Name: "create answers 400, and the sandbox stays Pending", Setup: Setup{Quick: true}, API: leavesBehind("RESOURCES_")},
	}
}

// endMutants don't see, or don't tell, how an entry process ended.
func endMutants() []Mutant {
	exits := func(name string, change func(exit *runtime.Exit) bool) Mutant {
		return Mutant{Requirement: "LC-END-02", Name: name, Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
			changed := func(exit runtime.Exit) runtime.Exit {
				if change(&exit) {
					act()
				}
				return exit
			}
			e.watch = func(ctx context.Context, report func(runtime.Exit)) error {
				return next.Watch(ctx, func(exit runtime.Exit) { report(changed(exit)) })
			}
			e.provision = func(ctx context.Context, spec runtime.Spec) error {
				err := next.Provision(ctx, spec)
				if exited := (*runtime.Exited)(nil); errors.As(err, &exited) {
					return &runtime.Exited{Exit: changed(exited.Exit)}
				}
				return err
			}
		})}
	}
	return []Mutant{
		{Requirement: "LC-END-01", Name: "the end of an entry process is not seen", Setup: Setup{Quick: true},
			Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
				e.watch = func(ctx context.Context, _ func(runtime.Exit)) error {
					return next.Watch(ctx, func(runtime.Exit) { act() })
				}
			})},
		{Requirement: "LC-END-01", Name: "what has ended is shown as Running", Setup: Setup{Quick: true}, API: showsState("Running", "Terminated", "Failed")},
		{Requirement: "LC-END-01", Name: "what has ended is Stopping for ever", Setup: Setup{Quick: true}, API: showsState("Stopping", "Terminated", "Failed")},
		exits("every end is a good one", func(exit *runtime.Exit) bool {
			bad := exit.ExitCode != 0
			exit.ExitCode = 0
			return bad
		}),
		exits("every end is a failure", func(exit *runtime.Exit) bool {
			good := exit.ExitCode == 0
			if good {
				exit.ExitCode = 1
			}
			return good
		}),
		{Requirement: "LC-DELETE-07", Name: "what is Failed can't be deleted: 409", API: replaced(func(c *calls, next calls, act func()) {
			c.remove = func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, "Failed") {
					act()
					return conflict()
				}
				return next.remove(ctx, id)
			}
		})},
		{Requirement: "LC-DELETE-07", Name: "what is Failed stays Failed", Setup: Setup{Quick: true}, API: replaced(func(c *calls, next calls, act func()) {
			c.remove = func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, "Failed") {
					act()
					return nil
				}
				return next.remove(ctx, id)
			}
		})},
	}
}

// manualMutants get sandboxes wrong that have no end.
func manualMutants() []Mutant {
	manual := func(requirement string, f mutant.Fault) Mutant {
		return Mutant{Requirement: requirement, Wire: f, Setup: Setup{Manual: true}}
	}
	return []Mutant{
		refusesCreate("LC-MANUAL-01", "a timeout that is null is refused", func(o map[string]any) bool {
			timeout, there := o["timeout"]
			return there && timeout == nil
		}),
		manual("LC-MANUAL-01", mutant.JSONBody(getSandbox, "get shows an end where there is none", func(sb map[string]any) {
			if _, there := sb["expiresAt"]; !there {
				sb["expiresAt"] = "2100-01-01T00:00:00Z"
			}
		})),
		manual("LC-MANUAL-02", mutant.Status(renewSandbox, 409, 400)),
		manual("LC-MANUAL-02", mutant.Status(renewSandbox, 409, 403)),
	}
}

// oddMetadataMutants take metadata that they can't keep.
func oddMetadataMutants() []Mutant {
	odd := func(b map[string]any) bool {
		for key, value := range member(b, "metadata") {
			if noLabel(key, value) {
				return true
			}
		}
		return false
	}
	changed := func(requirement, what string, change func(metadata map[string]any)) Mutant {
		return Mutant{Requirement: requirement, Wire: mutant.RewriteRequestJSON(createSandbox, what, func(b map[string]any) {
			if metadata := member(b, "metadata"); metadata != nil {
				change(metadata)
			}
		})}
	}
	drop := func(metadata map[string]any) { maps.DeleteFunc(metadata, noLabel) }
	return []Mutant{
		changed("LC-CREATE-16", "metadata that is no label is dropped", drop),
		changed("LC-CREATE-16", "other characters become hyphens", func(metadata map[string]any) {
			for key, value := range metadata {
				if noLabel(key, value) {
					delete(metadata, key)
					metadata[strings.Trim(hyphens(key), "-")] = strings.Trim(hyphens(stringOf(value)), "-")
				}
			}
		}),
		changed("LC-CREATE-16", "metadata is kept in lower case", func(metadata map[string]any) {
			for key, value := range metadata {
				if lower := strings.ToLower(key); lower != key {
					delete(metadata, key)
					metadata[lower] = value
				}
			}
		}),
		{Requirement: "LC-CREATE-16", Wire: mutant.Status(createSandbox.WithBody(odd), 400, 500)},
		{Requirement: "LC-CREATE-16", Wire: mutant.Status(createSandbox.WithBody(odd), 400, 422)},
		changed("LC-CREATE-17", "what is no label is dropped", drop),
		changed("LC-CREATE-17", "the server's own prefix is dropped", func(metadata map[string]any) {
			for key, value := range metadata {
				if name, ok := strings.CutPrefix(key, "opensandbox.io/"); ok {
					delete(metadata, key)
					metadata[name] = value
				}
			}
		}),
		{Requirement: "LC-CREATE-17", Wire: mutant.Status(createSandbox.WithBody(odd), 400, 409)},
	}
}

func hyphens(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r) {
			return r
		}
		return '-'
	}, text)
}
