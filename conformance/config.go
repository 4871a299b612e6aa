// Package conformance judges a deployment of the OpenSandbox API: it plays the features against it, has every answer
// and every event judged, and reports what it found, requirement by requirement.
//
// It shares no code with the reference server or the daemon, and does not use the generated clients: it must see
// malformed answers as they are.
package conformance

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/features"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Profiles.
const (
	Full      = "full"      // both APIs, execd reached through a sandbox
	Lifecycle = "lifecycle" // the lifecycle API, with execd as far as its requirements need it
	Execd     = "execd"     // a daemon by itself
)

// Config says what to judge, and how.
type Config struct {
	URL          string // base URL of the lifecycle API
	APIKey       string
	Image        string // of the sandboxes; it needs a shell, and python3 or node for a service
	Profile      string // Full where empty
	ExecdURL     string // profile Execd
	ExecdToken   string
	Groups       []string // only these groups; empty: all
	Operations   []string // only requirements that concern these, METHOD and path template; empty: all
	Capabilities []string // declared: absent is an error
	Edition      string   // judge by this one; empty: where editions differ any will do
	Seed         uint32   // of what wrong requests have that is chosen at random; 0: 1
	Strict       bool     // warnings count
	Only         []string // only these requirements, by id; empty: all
	Except       []string // not these requirements, by id
	Deadlines    judge.Deadlines
	Fast         bool                 // leave out the group expiry, whose shortest timeout is 60 s
	Progress     io.Writer            // one line a scenario; nil: none
	Watch        Watcher              // told what is being played; nil: nobody
	Version      string               // of the tool, for the report
	Transport    http.RoundTripper    // nil: a fresh one
	Concurrency  int                  // scenarios at once; 0: 8
	Found        func(report.Finding) // told of every finding as it is made, by several goroutines; nil: nobody
}

// slow is the group that Fast leaves out: it waits for timeouts, and the shortest that there is is 60 s.
const slow = "expiry"

// UsageError says that a run was asked for what does not exist.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usage(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// plan is a checked Config.
type plan struct {
	Config
	lifecycle, execd *spec.Document
	ledger           []spec.Requirement
	claim            verdict.Claim
	outside          []string // capabilities that the edition does not have yet
	folders          []string
}

func (c Config) plan() (*plan, error) {
	p := &plan{Config: c}
	var errs [3]error
	p.lifecycle, errs[0] = spec.Lifecycle()
	p.execd, errs[1] = spec.Execd()
	p.ledger, errs[2] = spec.Ledger()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	p.ledger = slices.DeleteFunc(p.ledger, func(row spec.Requirement) bool { return slices.Contains(p.Except, row.ID) })
	p.outside = spec.Outside(p.ledger, p.Edition)
	p.ledger = spec.InEdition(p.ledger, p.Edition)
	switch p.Profile {
	case "", Full:
		p.Profile = Full
		p.claim.Operations = slices.Concat(p.lifecycle.Operations, p.execd.Operations)
		p.folders = []string{features.Lifecycle, features.Execd}
	case Lifecycle:
		p.claim.Operations = p.lifecycle.Operations
		p.folders = []string{features.Lifecycle}
	case Execd:
		p.claim.Operations = p.execd.Operations
		p.folders = []string{features.Execd}
	default:
		return nil, usage("there is no profile %q; there are full, lifecycle and execd", p.Profile)
	}
	if p.Deadlines == (judge.Deadlines{}) {
		p.Deadlines = judge.DefaultDeadlines()
	}
	if p.Concurrency == 0 {
		p.Concurrency = 8
	}
	if p.Seed == 0 {
		p.Seed = 1
	}
	if p.Fast {
		p.claim.Without = []string{slow}
	}
	p.claim.Ledger, p.claim.Groups, p.claim.Only = p.ledger, p.Groups, p.Operations
	return p, p.check()
}

func (p *plan) check() error {
	if p.Profile == Execd {
		if err := absolute("--execd-url", p.ExecdURL); err != nil {
			return err
		}
	} else {
		if err := absolute("--url", p.URL); err != nil {
			return err
		}
		if p.Image == "" {
			return usage("--image is missing: the image that sandboxes are made from")
		}
	}
	if p.Edition != "" && !slices.Contains(spec.Editions(), p.Edition) {
		return usage("there is no edition %q; there are %s", p.Edition, strings.Join(spec.Editions(), " and "))
	}
	for _, group := range p.Groups {
		if !slices.Contains(p.claim.GroupNames(), group) {
			return usage("there is no group %q in this profile; there are %s", group, strings.Join(p.claim.GroupNames(), ", "))
		}
	}
	if p.Fast && slices.Contains(p.Groups, slow) {
		return usage("--fast leaves out the group %s, which --groups asks for", slow)
	}
	for _, name := range p.Operations {
		if !slices.ContainsFunc(p.claim.Operations, func(op *spec.Operation) bool { return op.String() == name }) {
			return usage("there is no operation %q in this profile; write METHOD and path template as in the documents, "+
				"such as %q", name, p.claim.Operations[0])
		}
	}
	for _, name := range p.Capabilities {
		if !slices.Contains(p.capabilities(), name) {
			return usage("there is no capability %q; there are %s", name, strings.Join(p.capabilities(), ", "))
		}
	}
	return nil
}

// capabilities are those that the ledger and the documents name.
func (p *plan) capabilities() []string {
	var names []string
	add := func(name string) {
		if name != spec.Core && !slices.Contains(p.outside, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, row := range p.ledger {
		add(row.Capability)
	}
	for _, op := range p.claim.Operations {
		add(op.Capability)
	}
	slices.Sort(names)
	return names
}

func absolute(flag, value string) error {
	u, err := url.Parse(value)
	if value == "" || err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return usage("%s %q is no http or https URL", flag, value)
	}
	return nil
}
