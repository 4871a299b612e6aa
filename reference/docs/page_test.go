package docs_test

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/browsertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/docs"
)

// The documents are drawn, by the policy that the pages are served with.
func TestThePagesInABrowser(t *testing.T) {
	server := httptest.NewServer(docs.Handler())
	defer server.Close()
	for path, operation := range map[string]string{"/docs": "/sandboxes/{sandboxId}/renew-expiration", "/docs/execd": "/files/download"} {
		p := browsertest.Open(t, server.URL+path)
		p.Do(chromedp.WaitVisible("[data-section-id^=tag]"))
		if n := browsertest.Eval[int](p, `document.querySelectorAll("[data-section-id*='/operation/']").length`); n < 8 {
			t.Errorf("%s shows %d operations", path, n)
		}
		if !browsertest.Eval[bool](p, `document.body.textContent.includes("`+operation+`")`) {
			t.Errorf("%s does not show %s", path, operation)
		}
	}
}
