package proxy

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// mostFindings bounds how many different breaches of clients are kept: they may make up as many as they like.
const mostFindings = 500

// clients gathers what clients sent against the documents.
type clients struct {
	redactor *exchange.Redactor

	mu       sync.Mutex
	requests int
	more     int
	findings []*report.ClientFinding
	known    map[string]*report.ClientFinding
}

// add takes the breaches of one request.
func (c *clients) add(x *exchange.Exchange, breaches []contract.Breach) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	for _, breach := range breaches {
		operation := breach.Actual // METHOD and path, where no document has it
		if x.Operation != nil {
			operation = x.Operation.String()
		}
		key := operation + "\x00" + breach.Fold()
		if f := c.known[key]; f != nil {
			f.Count++
			continue
		}
		if len(c.findings) >= mostFindings {
			c.more++
			continue
		}
		f := &report.ClientFinding{
			Level: string(breach.Level), Severity: report.Warning, Operation: c.redactor.Hide(operation),
			Message: c.redactor.Hide(breach.Message), Expected: breach.Expected, Actual: c.redactor.Hide(breach.Actual),
			Spec: breach.Spec, Exchange: c.redactor.Text(x), Curl: c.redactor.Curl(x), Count: 1,
		}
		if breach.Level == spec.Must {
			f.Severity = report.Error
		}
		if c.known == nil {
			c.known = map[string]*report.ClientFinding{}
		}
		c.known[key] = f
		c.findings = append(c.findings, f)
	}
}

// report tells all of it, the errors first.
func (c *clients) report() *report.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := &report.Client{Requests: c.requests, More: c.more, Findings: []report.ClientFinding{}}
	for _, f := range c.findings {
		out.Findings = append(out.Findings, *f)
	}
	slices.SortStableFunc(out.Findings, func(a, b report.ClientFinding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), strings.Compare(a.Operation, b.Operation))
	})
	return out
}
