package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Where a cause of failure is the image, and where it is the entrypoint.
const (
	imageCause      = "IMAGE_"
	entrypointCause = "ENTRYPOINT_"
)

// failureMutants hide or garble that a sandbox can't be made.
func failureMutants() []Mutant {
	return []Mutant{
		{
			Requirement: "LC-CREATE-04", Name: "an image that can't be had is replaced by the server's own",
			Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
				e.provision = func(ctx context.Context, spec runtime.Spec) error {
					err := next.Provision(ctx, spec)
					if ofImage(err) {
						act()
						spec.Image = "opensandbox/debian:local"
						return next.Provision(ctx, spec)
					}
					return err
				}
			}),
		},
		{Requirement: "LC-CREATE-04", Name: "Pending for ever", Setup: Setup{Quick: true}, API: hidesFailure(imageCause)},
		{Requirement: "LC-CREATE-04", Name: "create answers 400, and the sandbox stays Pending", Setup: Setup{Quick: true}, API: leavesBehind(imageCause)},
		{
			Requirement: "LC-CREATE-04", Name: "ends in Terminated", Setup: Setup{Quick: true},
			API: shows(func(sb *lifecycleapi.Sandbox) bool {
				if !in(sb, "Failed") || !strings.HasPrefix(sb.Status.Reason.Value, imageCause) {
					return false
				}
				sb.Status.State = "Terminated"
				return true
			}),
		},
		{
			Requirement: "LC-CREATE-05", Name: "the end of the entry process is not seen",
			Runtime: provisions(func(spec *runtime.Spec) bool {
				spec.Entrypoint = slices.Concat([]string{"sh", "-c", `"$@"; exec sleep 900`, "sh"}, spec.Entrypoint)
				return true
			}),
		},
		{
			Requirement: "LC-CREATE-05", Name: "the exit status of the entry process is lost", Setup: Setup{Quick: true},
			Runtime: engineWith(func(e *engine, next runtime.Runtime, act func()) {
				e.provision = func(ctx context.Context, spec runtime.Spec) error {
					err := next.Provision(ctx, spec)
					if exited := (*runtime.Exited)(nil); errors.As(err, &exited) && exited.Exit.ExitCode != 0 {
						act()
						return &runtime.Exited{Exit: runtime.Exit{ID: spec.ID}}
					}
					return err
				}
				e.watch = func(ctx context.Context, report func(runtime.Exit)) error {
					return next.Watch(ctx, func(exit runtime.Exit) {
						if exit.ExitCode != 0 {
							act()
							exit.ExitCode = 0
						}
						report(exit)
					})
				}
			}),
		},
		{Requirement: "LC-CREATE-05", Name: "Pending for ever", Setup: Setup{Quick: true}, API: hidesFailure(entrypointCause)},
		{Requirement: "LC-CREATE-05", Name: "create answers 400, and the sandbox stays Pending", Setup: Setup{Quick: true}, API: leavesBehind(entrypointCause)},
		{
			Requirement: "LC-CREATE-04", Name: "create says Running before the image is there", Setup: Setup{Quick: true},
			Wire: mutant.SetField(createSandbox.WithBody(func(req map[string]any) bool {
				return strings.Contains(stringOf(member(req, "image")["uri"]), "no/such-image")
			}), "status.state", "Running"),
		},
		{
			Requirement: "LC-CREATE-05", Name: "create says Running before the entry process has started", Setup: Setup{Quick: true},
			Wire: mutant.SetField(createSandbox, "status.state", "Running"),
		},
		{Requirement: "LC-CREATE-06", Wire: mutant.JSONBody(getSandbox, "Failed without reason and message", onFailed(func(status map[string]any) {
			delete(status, "reason")
			delete(status, "message")
		}))},
		{Requirement: "LC-CREATE-06", Wire: mutant.JSONBody(getSandbox, "Failed for a general reason", onFailed(func(status map[string]any) {
			status["reason"], status["message"] = "ERROR", "The sandbox failed."
		}))},
		{Requirement: "LC-CREATE-06", Wire: mutant.JSONBody(getSandbox, "Failed with the reason and message of provisioning", onFailed(func(status map[string]any) {
			status["reason"], status["message"] = "PROVISIONING", "the sandbox is being made"
		}))},
	}
}

func onFailed(change func(status map[string]any)) func(map[string]any) {
	return func(sb map[string]any) {
		if status := member(sb, "status"); status["state"] == "Failed" {
			change(status)
		}
	}
}

// hidesFailure shows sandboxes that could not be made as Pending.
func hidesFailure(cause string) decorateAPI {
	return shows(func(sb *lifecycleapi.Sandbox) bool {
		if !in(sb, "Failed") || !strings.HasPrefix(sb.Status.Reason.Value, cause) {
			return false
		}
		sb.Status.State = "Pending"
		sb.Status.Reason.SetTo("PROVISIONING")
		sb.Status.Message.SetTo("the sandbox is being made")
		return true
	})
}

// leavesBehind answers 400 where a sandbox can't be made, and goes on showing it as Pending.
func leavesBehind(cause string) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		var mu sync.Mutex
		left := map[string]bool{}
		c.showing(next, func() {}, func(sb *lifecycleapi.Sandbox) bool {
			mu.Lock()
			defer mu.Unlock()
			if left[sb.ID] && in(sb, "Failed") {
				sb.Status.State = "Pending"
				return true
			}
			return false
		})
		c.create = func(ctx context.Context, req *lifecycleapi.CreateSandboxRequest) (*lifecycleapi.CreateSandboxResponseHeaders, error) {
			res, err := next.create(ctx, req)
			if err != nil {
				return nil, err
			}
			sb, err := await(ctx, next, res.Response.ID, settled)
			if err == nil && in(sb, "Failed") && strings.HasPrefix(sb.Status.Reason.Value, cause) {
				act()
				mu.Lock()
				left[sb.ID] = true
				mu.Unlock()
				return nil, refused()
			}
			return res, err
		}
	})
}
