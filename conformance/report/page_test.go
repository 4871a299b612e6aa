package report_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/browsertest"
)

// opened is the page of a report as its readers open it: from a file.
func opened(t *testing.T, r *report.Report) *browsertest.Page {
	t.Helper()
	var html bytes.Buffer
	if err := r.WriteHTML(&html); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, html.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return browsertest.Open(t, (&url.URL{Scheme: "file", Path: path}).String())
}

// shown lists the items of a kind that are to be seen, by what names them.
func shown(p *browsertest.Page, kind string) []string {
	return browsertest.Eval[[]string](p, `[...document.querySelectorAll(".`+kind+`[data-item]")].filter((el) => el.checkVisibility()).map((el) => el.querySelector(".id, .op").textContent)`)
}

func TestThePageInABrowser(t *testing.T) {
	for name, r := range map[string]*report.Report{"of a run": sample(), "of traffic": watched()} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, r)
			for _, width := range []int64{browsertest.Desk, browsertest.Phone} {
				for _, dark := range []bool{false, true} {
					p.Look(width, dark)
					browsertest.Eval[bool](p, `document.querySelectorAll("details").forEach((el) => { el.open = true }) ?? true`)
					p.CheckReadable()
					got := browsertest.Eval[string](p, `getComputedStyle(document.body).backgroundColor`)
					if want := map[bool]string{false: "rgb(246, 247, 249)", true: "rgb(18, 22, 28)"}[dark]; got != want {
						t.Errorf("dark %t: the ground is %s", dark, got)
					}
				}
			}
		})
	}
}

func TestSearchAndFilterInABrowser(t *testing.T) {
	p := opened(t, sample())
	all := []string{"LC-RENEW-02", "LC-RENEW-03", "LC-CREATE-07"}
	see := func(what, hits string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, shown(p, "finding"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		if got := browsertest.Eval[string](p, `document.getElementById("hits").textContent`); got != hits {
			t.Errorf("%s: it says %q, not %q", what, got, hits)
		}
	}
	see("at first", "", all...)
	p.Do(chromedp.KeyEvent("/"), chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("renew-03"))
	see("a search, by the key for it", "2 of 12", "LC-RENEW-03")
	p.Do(chromedp.SendKeys("#search", " nothing"))
	see("a search for what is not there", "0 of 12")
	if none := browsertest.Eval[int](p, `[...document.querySelectorAll(".nohit")].filter((el) => el.checkVisibility()).length`); none == 0 {
		t.Error("an empty list does not say why")
	}
	p.Do(chromedp.KeyEvent(kb.Escape))
	see("after Escape", "", all...)
	p.Do(chromedp.Click(`[data-pick="sandboxes"]`))
	see("a group, by its tile", "4 of 12", "LC-CREATE-07")
	p.Do(chromedp.Click(`[data-pick="sandboxes"]`))
	see("the group let go of", "", all...)
	browsertest.Eval[bool](p, `document.getElementById("outcome").value = "held", document.getElementById("outcome").dispatchEvent(new Event("change"))`)
	see("an outcome", "4 of 12")
	if diff := cmp.Diff([]string{"LC-CREATE-01", "LC-HTTP-01"}, shown(p, "requirement")); diff != "" {
		t.Errorf("requirements that held (-want +got):\n%s", diff)
	}
}

// A curl line goes to the clipboard; where the browser lets no page have that, it is selected.
func TestCopyingInABrowser(t *testing.T) {
	for write, read := range map[string]string{
		`navigator.clipboard.writeText = async (text) => { window.copied = text }, true`: `window.copied`,
		`navigator.clipboard.writeText = () => Promise.reject(), true`:                   `getSelection().toString()`,
	} {
		p := opened(t, sample())
		browsertest.Eval[bool](p, write)
		p.Do(chromedp.Click("details.finding > summary"), chromedp.Click("details.finding .copy"))
		if got := browsertest.Eval[string](p, read); got != sample().Findings[0].Curl {
			t.Errorf("%s is %q", read, got)
		}
	}
}

// On paper all findings are open, and what they hold is there.
func TestPrintingInABrowser(t *testing.T) {
	p := opened(t, sample())
	pdf := browsertest.Value(p, chromedp.PrintToPDF())
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("%d bytes that are no PDF", len(pdf))
	}
	open := `document.querySelectorAll("details.finding[open]").length`
	if n := browsertest.Eval[int](p, open); n != 0 {
		t.Errorf("after printing %d findings are open that were closed before", n)
	}
	if n := browsertest.Eval[int](p, `dispatchEvent(new Event("beforeprint")), `+open); n != 3 {
		t.Errorf("while printing %d of 3 findings are open", n)
	}
}
