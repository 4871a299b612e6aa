package main

import (
	"context"
	"net/http"
	"regexp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// endpointParams is what an endpoint is asked by.
type endpointParams = lifecycleapi.GetSandboxEndpointParams

// endpointUnless answers by an error where test is true of the sandbox, nil if there is none, and the request.
func endpointUnless(answer func() error, test func(sb *lifecycleapi.Sandbox, p endpointParams) bool) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.endpoint = func(ctx context.Context, p endpointParams) (*lifecycleapi.Endpoint, error) {
			sb, err := next.get(ctx, p.SandboxId)
			if err == nil && test(sb, p) {
				act()
				return nil, answer()
			}
			return next.endpoint(ctx, p)
		}
	})
}

func notThere() error {
	return httpapi.Errorf(http.StatusNotFound, "PORT_NOT_FOUND", "nothing listens on this port; start a service first")
}

// endpointMutants answer where a port is reached wrongly.
func endpointMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.DropField(sandboxEndpoint, "endpoint")},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.SetField(sandboxEndpoint, "port", 44772)},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.JSONBody(sandboxEndpoint, "headers are null where there are none", func(e map[string]any) {
			if _, ok := e["headers"]; !ok {
				e["headers"] = nil
			}
		})},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.SetField(sandboxEndpoint, "headers", []any{})},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.SetField(sandboxEndpoint, "endpoint", "")},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.Status(sandboxEndpoint, 200, 201)},
		{Requirement: "LC-ENDPOINT-01", Wire: mutant.DropField(sandboxEndpoint.On(404), "code")},
		{Requirement: "LC-ENDPOINT-02", Name: "a Pending sandbox has no endpoints", API: endpointUnless(notThere, func(sb *lifecycleapi.Sandbox, _ endpointParams) bool {
			return in(sb, "Pending")
		})},
		{Requirement: "LC-ENDPOINT-02", Name: "a Pending sandbox's endpoints are to come", API: endpointUnless(func() error {
			return &httpapi.Error{
				Status: http.StatusServiceUnavailable, Code: "SANDBOX_NOT_READY", Message: "the sandbox is not there yet; try again soon",
				Header: http.Header{"Retry-After": {"1"}},
			}
		}, func(sb *lifecycleapi.Sandbox, _ endpointParams) bool { return in(sb, "Pending") })},
		{Requirement: "LC-ENDPOINT-02", Name: "where nothing listens there is no endpoint", API: endpointUnless(notThere, func(_ *lifecycleapi.Sandbox, p endpointParams) bool {
			return p.Port == 18080
		})},
		{Requirement: "LC-ENDPOINT-02", Name: "where nothing listens there is no endpoint while it is Running", API: endpointUnless(notThere, func(sb *lifecycleapi.Sandbox, p endpointParams) bool {
			return p.Port == 18080 && in(sb, "Running")
		})},
		{Requirement: "LC-ENDPOINT-02", Name: "the daemon's port is not given out", API: endpointUnless(refused, func(_ *lifecycleapi.Sandbox, p endpointParams) bool {
			return p.Port == 44772
		})},
		{Requirement: "LC-ENDPOINT-05", Name: "endpoints are made up without a look", API: replaced(func(c *calls, next calls, act func()) {
			c.endpoint = func(ctx context.Context, p endpointParams) (*lifecycleapi.Endpoint, error) {
				e, err := next.endpoint(ctx, p)
				if statusOf(err) != http.StatusNotFound {
					return e, err
				}
				act()
				return &lifecycleapi.Endpoint{Endpoint: "localhost:8080/sandboxes/" + p.SandboxId + "/port/44772"}, nil
			}
		})},
		{Requirement: "LC-ENDPOINT-05", Wire: mutant.Status(sandboxEndpoint, 404, 400)},
		takesPort("0", regexp.MustCompile(`/endpoints/0$`)),
		takesPort("above 65535", regexp.MustCompile(`/endpoints/(6553[6-9]|[7-9][0-9]{4}|[0-9]{6,})$`)),
		{Requirement: "LC-ENDPOINT-06", Wire: mutant.Status(sandboxEndpoint, 400, 404)},
		{Requirement: "LC-ENDPOINT-06", Wire: mutant.Status(sandboxEndpoint, 400, 422)},
		{Requirement: "LC-ENDPOINT-07", Name: "use_server_proxy is refused", API: proxyRefused(func(endpointParams) bool { return true })},
		{Requirement: "LC-ENDPOINT-07", Name: "use_server_proxy=true is refused", API: proxyRefused(func(p endpointParams) bool { return p.UseServerProxy.Value })},
		{Requirement: "LC-ENDPOINT-07", Name: "use_server_proxy=false is refused", API: proxyRefused(func(p endpointParams) bool { return !p.UseServerProxy.Value })},
	}
}

// takesPort takes a port that is none.
func takesPort(what string, path *regexp.Regexp) Mutant {
	return Mutant{Requirement: "LC-ENDPOINT-06", Name: "takes a port " + what, HTTP: asked(func(w http.ResponseWriter, r *http.Request, next http.Handler, act func()) {
		if hasKey(r) && path.MatchString(r.URL.Path) {
			act()
			r = r.Clone(r.Context())
			r.URL.Path = path.ReplaceAllString(r.URL.Path, "/endpoints/1")
			r.RequestURI = r.URL.RequestURI()
		}
		next.ServeHTTP(w, r)
	})}
}

func proxyRefused(test func(p endpointParams) bool) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.endpoint = func(ctx context.Context, p endpointParams) (*lifecycleapi.Endpoint, error) {
			if p.UseServerProxy.Set && test(p) {
				act()
				return nil, refused()
			}
			return next.endpoint(ctx, p)
		}
	})
}
