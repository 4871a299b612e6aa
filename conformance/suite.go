package conformance

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/steps"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/features"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// Run judges a deployment. It returns an error only for a call that makes no sense (UsageError) or for a defect of
// the suite itself; what the deployment does is in the report.
func Run(ctx context.Context, cfg Config) (*report.Report, error) {
	p, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	catalogue, err := Catalogue()
	if err != nil {
		return nil, err
	}
	p.claim.Scenarios = catalogue
	s := p.suite()
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		Tool:          report.Tool{Name: "opensandbox-conformance", Version: p.Version},
		StartedAt:     time.Now().UTC(),
		Target:        report.Target{URL: p.URL, Profile: p.Profile, Edition: p.Edition, Image: p.Image},
		Claim: report.Claim{
			Groups: p.Groups, Operations: p.Operations, Capabilities: p.Capabilities, Strict: p.Strict, Fast: p.Fast, Seed: p.Seed,
			Deadlines: p.Deadlines.Milliseconds(),
		},
	}
	if p.Profile == Execd {
		r.Target.URL, r.Target.Image = p.ExecdURL, ""
	}
	if err := s.greet(ctx); err != nil {
		s.book.Ballot.Stop(err.Error())
	} else if err := s.play(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		s.book.Ballot.Interrupt()
	}
	r.FinishedAt = time.Now().UTC()
	r.Target.Capabilities = s.target.Capabilities.All()
	s.book.Finish()
	s.book.Ballot.Settle(r, p.Strict)
	r.Seen = s.book.Seen.Report(p.claim.Operations)
	s.hide(r)
	return r, nil
}

// hide takes the secrets out of what the report says beside its findings.
func (s *suite) hide(r *report.Report) {
	for _, text := range []*string{&r.Reason, &r.Stopped, &r.Target.URL, &r.Target.Image} {
		*text = s.book.Redactor.Hide(*text)
	}
	for i := range r.Requirements {
		r.Requirements[i].Reason = s.book.Redactor.Hide(r.Requirements[i].Reason)
	}
}

// suite is one run.
type suite struct {
	*plan
	book   *judge.Book
	target *steps.Target

	mu sync.Mutex // guards Progress and Watch
}

func (p *plan) suite() *suite {
	ballot := verdict.New(p.claim)
	book := judge.NewBook(p.ledger, ballot, p.Deadlines)
	book.Found = p.Found
	book.Redactor.Add(p.APIKey, "OPEN_SANDBOX_API_KEY")
	book.Redactor.Add(p.ExecdToken, "EXECD_ACCESS_TOKEN")
	for _, base := range []string{p.URL, p.ExecdURL} {
		if u, err := url.Parse(base); err == nil && u.User != nil {
			secret, _ := u.User.Password()
			book.Redactor.Add(secret, "PASSWORD")
			book.Redactor.Add(base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+secret)), "BASIC")
		}
	}
	transport := p.Transport
	if transport == nil {
		fresh := http.DefaultTransport.(*http.Transport).Clone()
		fresh.MaxIdleConnsPerHost = 2 * p.Concurrency
		fresh.DisableCompression = true
		transport = fresh
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s := &suite{plan: p, book: book}
	s.target = &steps.Target{
		Book: book, ExecdDocument: p.execd, Image: p.Image, Run: steps.NewRun(), Seed: p.Seed,
		Capabilities: &steps.Capabilities{Declared: p.Capabilities, Outside: p.outside},
		Lifecycle: &judge.Client{
			Document: p.lifecycle, Base: strings.TrimSuffix(p.URL, "/"), HTTP: client, Book: book,
			Headers: key(p.lifecycle, p.APIKey),
		},
	}
	s.target.Lifecycle.Alive = s.target.Alive
	if p.Profile == Execd {
		s.target.Bare = &judge.Client{
			Document: p.execd, Base: strings.TrimSuffix(p.ExecdURL, "/"), HTTP: client, Book: book,
			Headers: key(p.execd, p.ExecdToken), Alive: s.target.Alive,
		}
	}
	s.target.Prepare()
	return s
}

func key(doc *spec.Document, secret string) http.Header {
	h := http.Header{}
	if secret != "" {
		h.Set(doc.KeyHeader(), secret)
	}
	return h
}

// greet makes sure that there is something to judge, and that it lets the suite in.
func (s *suite) greet(ctx context.Context) error {
	c, id := s.target.Lifecycle, "listSandboxes"
	if s.target.Bare != nil {
		c, id = s.target.Bare, "ping"
	}
	op := c.Document.Operation(id)
	ctx, cancel := context.WithTimeout(ctx, s.Deadlines.Answer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, op.Method, c.Base+op.Path, nil)
	if err != nil {
		return err
	}
	for name, values := range c.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", c.Base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%s refuses the key: 401 to %s; give the right one", c.Base, op)
	}
	if resp.StatusCode == http.StatusForbidden {
		return fmt.Errorf("%s refuses the key: 403 to %s", c.Base, op)
	}
	return nil
}

// scenario gives one scenario its world, and settles what became of it.
func (s *suite) scenario(sc *godog.ScenarioContext) {
	var w *steps.World
	var began time.Time
	sc.Before(func(ctx context.Context, scenario *godog.Scenario) (context.Context, error) {
		began = time.Now()
		var rows []string
		for _, tag := range scenario.Tags {
			if id := strings.TrimPrefix(tag.Name, "@"); id != features.Long {
				rows = append(rows, id)
			}
		}
		s.begin(scenario.Name)
		*w = *steps.NewWorld(s.target, scenario.Name, rows)
		if reason := s.book.Ballot.Stopped(); reason != "" {
			return ctx, &steps.Unjudged{Reason: reason}
		}
		return ctx, ctx.Err()
	})
	w = &steps.World{}
	w.Initialize(sc)
	sc.After(func(ctx context.Context, scenario *godog.Scenario, err error) (context.Context, error) {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Deadlines.Change)
		defer cancel()
		w.End(end)
		s.settle(w, scenario.Name, time.Since(began), err)
		return ctx, nil
	})
}
