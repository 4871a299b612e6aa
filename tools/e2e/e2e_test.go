// Package e2e_test runs the built programs as their users do: the reference server over Docker, the daemon on this
// machine, and the suite against both.
package e2e_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// Secrets that no report holds.
const (
	key   = "e2e-api-key"
	token = "e2e-token"
)

// patient are deadlines on which a busy machine is no fault.
func patient() judge.Deadlines {
	d := judge.DefaultDeadlines()
	d.FirstSoon, d.LineSoon, d.EndSoon = d.First, d.Line, d.End
	return d
}

// The suite finds nothing wrong with the reference server, twice at once, and leaves nothing behind.
func TestTheReferenceServerConforms(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	address := serve(t, filepath.Join(t.TempDir(), "state"))
	var mu sync.Mutex
	var both errgroup.Group
	for range 2 {
		both.Go(func() error {
			r, err := conformance.Run(t.Context(), conformance.Config{
				URL: "http://" + address + "/v1", APIKey: key, Image: "opensandbox/debian:local", Deadlines: patient(),
			})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			clean(t, r)
			if got := r.Summary.CoreOperations; got.Judged+len(got.WithoutScenario) != got.Total {
				t.Errorf("%d of %d core operations judged, %d without a scenario", got.Judged, got.Total, len(got.WithoutScenario))
			}
			return nil
		})
	}
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := alive(t, address, false); n > 0 {
		t.Errorf("the runs left %d sandboxes behind", n)
	}
}

// A run that is told to end removes what it made, and says that it was interrupted.
func TestAnInterruptedRunCleansUp(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	address := serve(t, filepath.Join(t.TempDir(), "state"))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	began := make(chan struct{})
	go func() {
		<-began
		interrupt()
	}()
	r, err := conformance.Run(ctx, conformance.Config{
		URL: "http://" + address + "/v1", APIKey: key, Image: "opensandbox/debian:local", Deadlines: patient(),
		Progress: &once{began: began},
	})
	if err != nil {
		t.Fatal(err)
	}
	valid(t, r)
	if r.Verdict != report.Inconclusive || !strings.Contains(r.Reason, "interrupted") || r.ExitStatus() != 3 {
		t.Errorf("verdict %s, exit %d: %s", r.Verdict, r.ExitStatus(), r.Reason)
	}
	if n := alive(t, address, false); n > 0 {
		t.Errorf("the run left %d sandboxes behind", n)
	}
}

// A server that dies halfway can't be judged: what broke off is no finding.
func TestAServerThatDiesIsNotJudged(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	state := filepath.Join(t.TempDir(), "state")
	address, kill := start(t, state)
	began := make(chan struct{})
	go func() {
		<-began
		kill()
	}()
	r, err := conformance.Run(t.Context(), conformance.Config{
		URL: "http://" + address + "/v1", APIKey: key, Image: "opensandbox/debian:local", Deadlines: patient(),
		Progress: &once{began: began},
	})
	if err != nil {
		t.Fatal(err)
	}
	valid(t, r)
	if r.Verdict != report.Inconclusive || !strings.Contains(r.Reason, "does not answer any more") {
		t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
	}
	for _, f := range r.Findings {
		t.Errorf("a finding on a server that died: %s %s: %s", f.Requirement, f.Operation, f.Message)
	}
	alive(t, serve(t, state), true) // the next server takes over what was left
}

// The suite finds nothing wrong with the daemon by itself.
func TestTheDaemonConforms(t *testing.T) {
	t.Parallel()
	r, err := conformance.Run(t.Context(), conformance.Config{
		Profile: conformance.Execd, ExecdURL: "http://" + bare(t, token), ExecdToken: token, Deadlines: patient(),
	})
	if err != nil {
		t.Fatal(err)
	}
	clean(t, r)
}

// valid checks the report by its schema, and that it holds no secret.
func valid(t *testing.T, r *report.Report) {
	t.Helper()
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	for _, write := range []func(io.Writer) error{r.WriteJSON, r.WriteHTML, r.WriteMarkdown, r.WriteJUnit, r.WriteText} {
		if err := write(&out); err != nil {
			t.Error(err)
		}
	}
	for _, secret := range []string{key, token} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the report holds %s", secret)
		}
	}
}

func clean(t *testing.T, r *report.Report) {
	t.Helper()
	cleanBut(t, r, nil)
}

// cleanBut is clean, but for findings of some requirements.
func cleanBut(t *testing.T, r *report.Report, but []string) {
	t.Helper()
	valid(t, r)
	unknown := slices.DeleteFunc(slices.Clone(r.Findings), func(f report.Finding) bool { return slices.Contains(but, f.Requirement) })
	broken := r.Verdict == report.Nonconformant && len(unknown) < len(r.Findings)
	if r.Verdict != report.Conformant && !broken {
		t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
	}
	for _, f := range unknown {
		t.Errorf("%s %s %s: %s\nexpected %s\nactual %s\n%s", f.Severity, f.Requirement, f.Operation, f.Message, f.Expected, f.Actual, f.Exchange)
	}
}

// once closes began at the first line of progress.
type once struct {
	sync.Once
	began chan struct{}
}

func (o *once) Write(p []byte) (int, error) {
	o.Do(func() { close(o.began) })
	return len(p), nil
}
