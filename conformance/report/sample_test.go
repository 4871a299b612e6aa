package report_test

import (
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// nasty is what a hostile deployment may answer: it must be shown as the text that it is.
const nasty = "</script><script>alert(1)</script> <img src=x onerror=alert(2)> ``` | a\x01b ]]> @all"

// sample is a report in which everything occurs.
func sample() *report.Report {
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	return &report.Report{
		SchemaVersion: report.SchemaVersion,
		Tool:          report.Tool{Name: "opensandbox-conformance", Version: "v1.2.3"},
		StartedAt:     began, FinishedAt: began.Add(83 * time.Second),
		Target: report.Target{
			URL: "http://127.0.0.1:8080/v1", Profile: "full", Edition: "2026-09", Image: "python:3.12-slim",
			Capabilities: map[string]string{"command-logs": "present", "code-contexts": "absent"},
		},
		Claim:   report.Claim{Groups: []string{"sandboxes", "expiry", "files", "code"}, Deadlines: map[string]int64{"answer": 30000}},
		Verdict: report.Nonconformant, Reason: "3 errors, not offered: code",
		Groups: []report.Group{
			{Name: "sandboxes", Verdict: report.Conformant, Warnings: 1, Judged: 2, Operations: []string{"POST /sandboxes"}},
			{Name: "expiry", Verdict: report.Nonconformant, Errors: 2, Judged: 1, Operations: []string{"POST /sandboxes/{sandboxId}/renew-expiration"}},
			{Name: "files", Verdict: report.Inconclusive, Operations: []string{"GET /files/info"}},
			{Name: "code", Verdict: report.NotOffered, Errors: 1, Operations: []string{"POST /code"}},
			{Name: "metrics", Verdict: report.NotClaimed, Operations: []string{"GET /metrics"}},
		},
		Summary: report.Summary{
			Errors: 3, Warnings: 1, Held: 1, Broken: 2, NotJudged: 1, Skipped: 1, Exchanges: 12,
			CoreOperations: report.Operations{Judged: 2, Total: 4, WithoutScenario: []string{"GET /metrics"}},
		},
		Findings: []report.Finding{
			{
				Requirement: "LC-RENEW-02", Text: "A renewal to a time that is not in the future is answered 400.", Level: "MUST",
				Severity: report.Error, Group: "expiry", Operation: "POST /sandboxes/{sandboxId}/renew-expiration",
				Message: "the answer has another status", Source: "API 2026-01", Scenario: "Moving the end",
				Exchange: "> POST http://127.0.0.1:8080/v1/sandboxes/1/renew-expiration\n< HTTP/1.1 200 OK\n<\n< " + nasty + "\n",
				Curl:     `curl -i -X POST -H 'Open-Sandbox-Api-Key: '"$OPEN_SANDBOX_API_KEY" http://127.0.0.1:8080/v1/sandboxes/1/renew-expiration`,
				Expected: "400", Actual: "200 OK", Spec: "sandbox-lifecycle.yml:293", Count: 2,
				Pitfall: "The new time is stored as it comes.",
			},
			{
				Requirement: "LC-RENEW-03", Text: "Another.", Level: "MUST", Severity: report.Error, Group: "expiry",
				Operation: "POST /sandboxes/{sandboxId}/renew-expiration", Message: nasty, Source: "API 2026-01",
				Expected: nasty, Actual: nasty, Spec: "sandbox-lifecycle.yml:293", Count: 1, Known: "ticket 7",
			},
			{
				Requirement: "LC-CREATE-07", Text: "Create does not wait.", Level: "SHOULD", Severity: report.Warning, Group: "sandboxes",
				Operation: "POST /sandboxes", Message: "it waits", Source: "good practice", Expected: "Pending", Actual: "Running",
				Spec: "sandbox-lifecycle.yml:101", Count: 1,
			},
		},
		Requirements: []report.Requirement{
			requirement("LC-CREATE-01", "MUST", "sandboxes", report.Held, ""),
			requirement("LC-CREATE-07", "SHOULD", "sandboxes", report.Broken, ""),
			requirement("LC-RENEW-02", "MUST", "expiry", report.Broken, ""),
			requirement("LC-RENEW-03", "MUST", "expiry", report.Broken, ""),
			requirement("EX-FILE-01", "MUST", "files", report.Unknown, "the sandbox did not become Running"),
			requirement("EX-CODE-01", "MUST", "code", report.Skipped, "the group code is not offered"),
			requirement("LC-HTTP-01", "MUST", "*", report.Held, ""),
		},
		Baseline: &report.Baseline{
			File: "known.yaml", Outcome: report.Unexpected, Reason: "1 failure not expected",
			Known:     []report.BaselineEntry{{Requirement: "LC-RENEW-03", Reason: "ticket 7"}},
			Stale:     []report.BaselineEntry{{Requirement: "LC-CREATE-01", Operation: "POST /sandboxes", Reason: "ticket 8"}},
			NotJudged: []report.BaselineEntry{{Requirement: "EX-FILE-01", Reason: "ticket 9"}},
		},
		Seen: report.Seen{
			Operations: []report.SeenOperation{
				{Operation: "POST /sandboxes", Group: "sandboxes", Documented: []string{"202", "400"}, Statuses: map[string]int{"202": 4, "418": 1, "501": 1}, Undocumented: []string{"418"}},
				{Operation: "GET /files/info", Group: "files", Documented: []string{"200", "404"}, Statuses: map[string]int{}},
			},
			Events:      []report.SeenEvent{{Type: "init", Count: 3}, {Type: "stdout", Count: 8}, {Type: nasty, Count: 1}},
			Transitions: []report.Transition{{To: "Pending", Count: 4}, {From: "Pending", To: "Running", Count: 4}},
		},
	}
}

// watched is a report of traffic in which everything occurs.
func watched() *report.Report {
	r := sample()
	r.Baseline = nil
	r.Client = &report.Client{Requests: 12, More: 3, Findings: []report.ClientFinding{{
		Level: "MUST", Severity: report.Error, Operation: "POST /files/upload", Message: "a part of the form is missing",
		Expected: "file", Actual: nasty, Spec: "execd-api.yaml:1850", Count: 2,
		Exchange: "> POST http://127.0.0.1:8080/\n" + nasty, Curl: "curl -i http://127.0.0.1:8080/",
	}}}
	return r
}

func requirement(id, level, group, outcome, reason string) report.Requirement {
	return report.Requirement{
		ID: id, Level: level, Group: group, Text: "The text of " + id + ".", Source: "API 2026-01", Operations: []string{"*"},
		Outcome: outcome, Checks: 1, Reason: reason, Scenarios: []string{"lifecycle/create.feature: It runs"},
	}
}
