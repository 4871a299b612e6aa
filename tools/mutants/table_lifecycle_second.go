package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// secondLimitMutants are by a second author, who saw the sentences of the ledger and not the scenarios.
func secondLimitMutants() []Mutant {
	cores := func(requirement, name string, change func(nano int64) int64) Mutant {
		return Mutant{Requirement: requirement, Name: name, Runtime: provisions(func(spec *runtime.Spec) bool {
			before := spec.Limits.NanoCPUs
			spec.Limits.NanoCPUs = change(before)
			return spec.Limits.NanoCPUs != before
		})}
	}
	limit := func(name, limit string, change func(value string) string) Mutant {
		return Mutant{Requirement: "LC-LIMIT-04", Setup: Setup{Quick: true}, Wire: mutant.RewriteRequestJSON(createSandbox, name, func(b map[string]any) {
			limits := member(b, "resourceLimits")
			if value, ok := limits[limit].(string); ok {
				limits[limit] = change(value)
			}
		})}
	}
	return []Mutant{
		cores("LC-LIMIT-03", "a part of a core is a whole one", func(nano int64) int64 { return int64(math.Ceil(float64(nano)/1e9)) * 1e9 }),
		cores("LC-LIMIT-03", "four times the processor", func(nano int64) int64 { return 4 * nano }),
		limit("millicores are read as cores", "cpu", func(v string) string { return strings.TrimSuffix(v, "m") }),
		limit("bytes are read as MiB", "memory", func(v string) string {
			if strings.Trim(v, "0123456789") == "" {
				return v + "Mi"
			}
			return v
		}),
		limit("Mi is read as Gi", "memory", func(v string) string {
			if number, ok := strings.CutSuffix(v, "Mi"); ok {
				return number + "000Gi"
			}
			return v
		}),
		refusesCreate("LC-LIMIT-04", "suffixes are refused", func(o map[string]any) bool {
			return strings.ContainsAny(stringOf(member(o, "resourceLimits")["memory"]), "kKMGTi")
		}),
		refusesCreate("LC-LIMIT-04", "whole cores are refused", func(o map[string]any) bool {
			cpu := stringOf(member(o, "resourceLimits")["cpu"])
			return cpu != "" && strings.Trim(cpu, "0123456789") == ""
		}),
		{Requirement: "LC-LIMIT-05", Wire: mutant.RewriteRequestJSON(createSandbox, "a limit that is unknown is refused as one that can't be read", func(b map[string]any) {
			limits := member(b, "resourceLimits")
			for name := range limits {
				if !slices.Contains([]string{"cpu", "memory", "gpu"}, name) {
					delete(limits, name)
					limits["memory"] = "unknown"
				}
			}
		})},
		{Requirement: "LC-LIMIT-05", Wire: mutant.Status(createSandbox.WithBody(func(b map[string]any) bool {
			for name := range member(b, "resourceLimits") {
				if !slices.Contains([]string{"cpu", "memory", "gpu"}, name) {
					return true
				}
			}
			return false
		}), 202, 422)},
		cores("LC-LIMIT-06", "more cores than there are are as many as there are", func(nano int64) int64 { return min(nano, 1e9) }),
		{Requirement: "LC-LIMIT-06", Name: "what can't be had is Running", API: shows(func(sb *lifecycleapi.Sandbox) bool {
			lacks := in(sb, "Failed") && strings.HasPrefix(sb.Status.Reason.Value, "RESOURCES_")
			if lacks {
				sb.Status.State = "Running"
			}
			return lacks
		})},
	}
}

// secondEndMutants are by a second author, too.
func secondEndMutants() []Mutant {
	unseen := func(name string, of func(exit runtime.Exit) bool) Mutant {
		return Mutant{Requirement: "LC-END-01", Name: name, Setup: Setup{Quick: true}, Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
			e.provision = func(ctx context.Context, spec runtime.Spec) error {
				err := next.Provision(ctx, spec)
				if exited := (*runtime.Exited)(nil); errors.As(err, &exited) && of(exited.Exit) {
					act()
					return nil
				}
				return err
			}
			e.watch = func(ctx context.Context, report func(runtime.Exit)) error {
				return next.Watch(ctx, func(exit runtime.Exit) {
					if of(exit) {
						act()
						return
					}
					report(exit)
				})
			}
		})}
	}
	ended := func(name string, change func(exit *runtime.Exit) bool) Mutant {
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
		})}
	}
	failed := func(sb *lifecycleapi.Sandbox) bool { return in(sb, "Failed") }
	deletes := func(name string, answer func() error) Mutant {
		return Mutant{Requirement: "LC-DELETE-07", Name: name, API: deletesBy(answer, failed)}
	}
	return []Mutant{
		unseen("an end with 0 is not seen", func(exit runtime.Exit) bool { return exit.ExitCode == 0 }),
		unseen("an end with another status than 0 is not seen", func(exit runtime.Exit) bool { return exit.ExitCode != 0 }),
		{Requirement: "LC-END-01", Name: "what has ended by itself is Paused", Setup: Setup{Quick: true}, API: showsState("Paused", "Terminated", "Failed")},
		{Requirement: "LC-END-01", Name: "what has ended by itself is Pending", Setup: Setup{Quick: true}, API: showsState("Pending", "Terminated", "Failed")},
		ended("an end by a small status is a good one", func(exit *runtime.Exit) bool {
			small := exit.ExitCode > 0 && exit.ExitCode < 128
			if small {
				exit.ExitCode = 0
			}
			return small
		}),
		{Requirement: "LC-END-02", Name: "a failure is Terminated", API: showsState("Terminated", "Failed")},
		{Requirement: "LC-END-02", Name: "a good end is Failed", API: showsState("Failed", "Terminated")},
		deletes("what is Failed can't be deleted: 404", unknown),
		deletes("what is Failed can't be deleted: 400", refused),
		{Requirement: "LC-DELETE-07", Name: "what is Failed and deleted is Stopping for ever", Setup: Setup{Quick: true}, API: replaced(func(c *calls, next calls, act func()) {
			gone := &specs{}
			keep := gone.keep(func(context.Context, runtime.Spec) error { return nil })
			c.remove = func(ctx context.Context, id string) error {
				if sb, err := next.get(ctx, id); err == nil && in(sb, "Failed") {
					act()
					return keep(ctx, runtime.Spec{ID: id})
				}
				return next.remove(ctx, id)
			}
			c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
				sb, err := next.get(ctx, id)
				if err == nil && gone.of(id).ID != "" {
					sb.Status.State = "Stopping"
				}
				return sb, err
			}
		})},
	}
}

// secondManualMutants are by a second author, too.
func secondManualMutants() []Mutant {
	manual := func(requirement string, f mutant.Fault) Mutant {
		return Mutant{Requirement: requirement, Wire: f, Setup: Setup{Manual: true}}
	}
	return []Mutant{
		manual("LC-MANUAL-01", mutant.RewriteRequestJSON(createSandbox, "null is an hour", func(b map[string]any) {
			if timeout, there := b["timeout"]; there && timeout == nil {
				b["timeout"] = json.Number("3600")
			}
		})),
		manual("LC-MANUAL-02", mutant.Status(renewSandbox, 409, 404)),
		manual("LC-MANUAL-02", mutant.Status(renewSandbox, 409, 422)),
		{Requirement: "LC-MANUAL-02", Name: "renewing what has no end gives it one", Setup: Setup{Manual: true}, API: replaced(func(c *calls, next calls, act func()) {
			c.renew = func(ctx context.Context, id string, until time.Time) (time.Time, error) {
				at, err := next.renew(ctx, id, until)
				if statusOf(err) == http.StatusConflict {
					act()
					return until, nil
				}
				return at, err
			}
		})},
	}
}
