package judge_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/verdict"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// An endpoint comes with a token that only then is known; where that very answer is a finding, it shows no token.
func TestTheTokenOfAnEndpointIsHidden(t *testing.T) {
	doc, err := spec.Lifecycle()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	ballot := verdict.New(verdict.Claim{Ledger: ledger, Operations: doc.Operations})
	book := judge.NewBook(ledger, ballot, judge.DefaultDeadlines())
	body := []byte(`{"endpoint":7,"headers":{"X-EXECD-ACCESS-TOKEN":"c4nary-t0ken"}}`)
	book.Judge(&exchange.Exchange{
		Document: doc, Operation: doc.Operation("getSandboxEndpoint"), Method: http.MethodGet, URL: "http://h/sandboxes/1/endpoints/2",
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, BodySize: int64(len(body)),
	})
	r := &report.Report{SchemaVersion: report.SchemaVersion}
	ballot.Settle(r, false)
	if len(r.Findings) == 0 {
		t.Fatal("the answer is no finding")
	}
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "c4nary") || !strings.Contains(out.String(), "$EXECD_ACCESS_TOKEN") {
		t.Errorf("the report shows the token:\n%s", out.String())
	}
}
