package judge_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestAFirstEventIsLateWhenMoreThanOneInTwentyIs(t *testing.T) {
	doc, err := spec.Execd()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ soon, late, findings int }{
		"all":             {0, 1, 1},
		"one of twenty":   {19, 1, 0},
		"two of twenty":   {18, 2, 1},
		"one of nineteen": {18, 1, 1},
		"none":            {5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ballot := verdict.New(verdict.Claim{Ledger: ledger, Operations: doc.Operations})
			book := judge.NewBook(ledger, ballot, judge.DefaultDeadlines())
			began := time.Now()
			for i := range c.soon + c.late {
				at := began.Add(time.Millisecond)
				if i < c.late {
					at = began.Add(time.Second)
				}
				book.Judge(&exchange.Exchange{
					Document: doc, Operation: doc.Operation("runCommand"), Method: http.MethodPost, URL: "http://h/command",
					Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Began: began,
					Stream: &stream.Transcript{Events: []stream.Event{{Type: "init", At: at}}},
				})
			}
			book.Finish()
			r := &report.Report{SchemaVersion: report.SchemaVersion}
			ballot.Settle(r, false)
			findings := 0
			for _, f := range r.Findings {
				if f.Requirement == "EX-STREAM-14" {
					findings++
				}
			}
			if findings != c.findings {
				t.Errorf("%d findings, want %d", findings, c.findings)
			}
		})
	}
}
