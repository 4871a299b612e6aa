package proxy

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// Report says what was found so far, of everything that is over.
func (p *Proxy) Report(ctx context.Context) (*report.Report, error) {
	if err := p.judging.Acquire(ctx, mostJudging); err != nil { // all that began to be judged is judged
		return nil, err
	}
	defer p.judging.Release(mostJudging)
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		Tool:          report.Tool{Name: "opensandbox-conformance", Version: p.cfg.Version},
		StartedAt:     p.began, FinishedAt: time.Now().UTC(),
		Target: report.Target{URL: p.cfg.Upstream.String(), Profile: conformance.Full, Capabilities: map[string]string{}},
		Claim:  report.Claim{Deadlines: p.cfg.Deadlines.Milliseconds()},
	}
	p.book.Finish()
	p.ballot.Settle(r, false)
	r.Seen = p.book.Seen.Report(p.claim.Operations)
	r.Client = p.clients.report()
	return r, nil
}

// report answers with the report so far, in one of its forms.
func (p *Proxy) report(w http.ResponseWriter, r *http.Request, form string) {
	forms := map[string]struct {
		media string
		write func(*report.Report, io.Writer) error
	}{
		"report.json": {"application/json", (*report.Report).WriteJSON},
		"report.html": {"text/html; charset=utf-8", (*report.Report).WriteHTML},
		"report.md":   {"text/markdown; charset=utf-8", (*report.Report).WriteMarkdown},
		"junit.xml":   {"application/xml", (*report.Report).WriteJUnit},
		"report.txt":  {"text/plain; charset=utf-8", (*report.Report).WriteText},
	}
	chosen, known := forms[form]
	if !known {
		refuse(w, http.StatusNotFound, "NO_SUCH_PAGE", "this is the proxy's own; it has "+
			Own+"report.json, report.html, report.md, report.txt and junit.xml")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "ask for the report by GET")
		return
	}
	now, err := p.Report(r.Context())
	if err != nil {
		return // who asked has gone
	}
	w.Header().Set("Content-Type", chosen.media)
	_ = chosen.write(now, w) // only the asker's connection can fail
}
