package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// engine is a runtime, some of whose deeds a fault may replace.
type engine struct {
	runtime.Runtime // the rest

	provision func(ctx context.Context, spec runtime.Spec) error
	pause     func(ctx context.Context, id string) error
	resume    func(ctx context.Context, id string) error
	remove    func(ctx context.Context, id string) error
	watch     func(ctx context.Context, report func(runtime.Exit)) error
}

// decorateRuntime is the type of Mutant.Runtime.
type decorateRuntime = func(next runtime.Runtime, act func()) runtime.Runtime

// engineWith is a decorator that replaces deeds: change sets those of e, and calls those of next.
func engineWith(change func(e *engine, next runtime.Runtime, act func())) decorateRuntime {
	return func(next runtime.Runtime, act func()) runtime.Runtime {
		e := &engine{
			Runtime: next, provision: next.Provision, pause: next.Pause, resume: next.Resume, remove: next.Remove, watch: next.Watch,
		}
		change(e, next, act)
		return e
	}
}

func (e *engine) Provision(ctx context.Context, spec runtime.Spec) error {
	return e.provision(ctx, spec)
}
func (e *engine) Pause(ctx context.Context, id string) error  { return e.pause(ctx, id) }
func (e *engine) Resume(ctx context.Context, id string) error { return e.resume(ctx, id) }
func (e *engine) Remove(ctx context.Context, id string) error { return e.remove(ctx, id) }
func (e *engine) Watch(ctx context.Context, report func(runtime.Exit)) error {
	return e.watch(ctx, report)
}

// provisions changes what sandboxes are made from; change says whether it did.
func provisions(change func(spec *runtime.Spec) bool) decorateRuntime {
	return engineWith(func(e *engine, next runtime.Runtime, act func()) {
		e.provision = func(ctx context.Context, spec runtime.Spec) error {
			if change(&spec) {
				act()
			}
			return next.Provision(ctx, spec)
		}
	})
}

// slowly lets time pass before a runtime makes, pauses, resumes or removes.
func slowly(d time.Duration) decorateRuntime {
	return engineWith(func(e *engine, next runtime.Runtime, act func()) {
		late := func(do func(context.Context, string) error) func(context.Context, string) error {
			return func(ctx context.Context, id string) error {
				act()
				letPass(ctx, d)
				return do(ctx, id)
			}
		}
		e.pause, e.resume, e.remove = late(next.Pause), late(next.Resume), late(next.Remove)
		e.provision = func(ctx context.Context, spec runtime.Spec) error {
			act()
			letPass(ctx, d)
			return next.Provision(ctx, spec)
		}
	})
}

// never does nothing until nobody waits for it any more.
func never(act func()) func(ctx context.Context, id string) error {
	return func(ctx context.Context, _ string) error {
		act()
		<-ctx.Done()
		return ctx.Err()
	}
}

// ofImage says that a sandbox could not be made because of its image.
func ofImage(err error) bool {
	failure := (*runtime.Failure)(nil)
	return errors.As(err, &failure) && strings.HasPrefix(failure.Reason, "IMAGE_")
}

// specs keeps what sandboxes were made from.
type specs struct {
	mu   sync.Mutex
	byID map[string]runtime.Spec
}

// keep is a runtime's Provision that keeps the specs.
func (s *specs) keep(provision func(context.Context, runtime.Spec) error) func(context.Context, runtime.Spec) error {
	return func(ctx context.Context, spec runtime.Spec) error {
		s.mu.Lock()
		if s.byID == nil {
			s.byID = map[string]runtime.Spec{}
		}
		s.byID[spec.ID] = spec
		s.mu.Unlock()
		return provision(ctx, spec)
	}
}

func (s *specs) of(id string) runtime.Spec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// daemonAnswers waits until the daemon of a sandbox does.
func daemonAnswers(ctx context.Context, r runtime.Runtime, spec runtime.Spec) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		err := askDaemon(ctx, r, spec, http.MethodGet, "/ping", "")
		if err == nil || ctx.Err() != nil {
			return err
		}
		letPass(ctx, 20*time.Millisecond)
	}
}

// askDaemon makes one request to the daemon of a sandbox and reads the answer to its end.
func askDaemon(ctx context.Context, r runtime.Runtime, spec runtime.Spec, method, path, body string) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return r.Dial(ctx, spec.ID, sandbox.DaemonPort)
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://execd"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set(sandbox.TokenHeader, spec.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon answered %s %s with %s", method, path, res.Status)
	}
	return nil
}
