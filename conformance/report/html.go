package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

//go:embed page
var pageFiles embed.FS

// page is what the template shows: the report, and what is counted for it.
type page struct {
	*Report
	Style    template.CSS
	Script   template.JS
	Policy   string   // of the content: nothing from elsewhere, no script but the page's own
	Statuses []string // the columns of the matrix
	Matrix   []matrixRow
	Every    []Requirement // in the order that people look for: broken first
	States   []pageState
}

// pageState is a state of sandboxes, and the ones that were seen after it.
type pageState struct {
	From string // empty: before the first
	Next []Transition
}

type matrixRow struct {
	Operation, Group string
	Cells            []matrixCell
	Total            int
}

type matrixCell struct {
	Status       string
	Count        int
	Documented   bool
	Undocumented bool // and seen
}

// WriteHTML writes the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	style, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return err
	}
	script, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		return err
	}
	t, err := template.New("page.gohtml").Funcs(pageFunctions).ParseFS(pageFiles, "page/*.gohtml")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(script)
	p := &page{
		Report: r, Style: template.CSS(style), Script: template.JS(script), //nolint:gosec // embedded files of our own
		Policy: fmt.Sprintf("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-%s'",
			base64.StdEncoding.EncodeToString(sum[:])),
		Every: slices.Clone(r.Requirements),
	}
	p.matrix()
	order := []string{Broken, Unknown, Skipped, Held}
	slices.SortStableFunc(p.Every, func(a, b Requirement) int {
		return slices.Index(order, a.Outcome) - slices.Index(order, b.Outcome)
	})
	for _, t := range r.Seen.Transitions {
		if n := len(p.States); n == 0 || p.States[n-1].From != t.From {
			p.States = append(p.States, pageState{From: t.From})
		}
		last := &p.States[len(p.States)-1]
		last.Next = append(last.Next, t)
	}
	return t.Execute(w, p)
}

// matrix has a row for each operation and a column for each status that was seen or that an operation documents.
func (p *page) matrix() {
	columns := map[string]bool{}
	for _, op := range p.Seen.Operations {
		for status := range op.Statuses {
			columns[status] = true
		}
		for _, status := range op.Documented {
			columns[status] = true
		}
	}
	p.Statuses = slices.Sorted(maps.Keys(columns))
	for _, op := range p.Seen.Operations {
		row := matrixRow{Operation: op.Operation, Group: op.Group}
		for _, status := range p.Statuses {
			row.Cells = append(row.Cells, matrixCell{
				status, op.Statuses[status], slices.Contains(op.Documented, status), slices.Contains(op.Undocumented, status),
			})
			row.Total += op.Statuses[status]
		}
		p.Matrix = append(p.Matrix, row)
	}
}

// Known counts the findings that were expected.
func (p *page) Known() int {
	n := 0
	for _, f := range p.Findings {
		if f.Known != "" {
			n++
		}
	}
	return n
}

// Claimed says what the run was asked to judge, where that was not everything.
func (p *page) Claimed() string {
	var parts []string
	if len(p.Claim.Groups) > 0 {
		parts = append(parts, "groups "+strings.Join(p.Claim.Groups, ", "))
	}
	if len(p.Claim.Operations) > 0 {
		parts = append(parts, strings.Join(p.Claim.Operations, ", "))
	}
	if p.Claim.Fast {
		parts = append(parts, "all but expiry (fast)")
	}
	if p.Claim.Strict {
		parts = append(parts, "warnings count (strict)")
	}
	return strings.Join(parts, "; ")
}

// Took is how long the run took.
func (p *page) Took() string { return p.FinishedAt.Sub(p.StartedAt).Round(time.Second).String() }

// Started is when the run began.
func (p *page) Started() string { return p.StartedAt.UTC().Format("2006-01-02 15:04 UTC") }

// SortedCapabilities lists the capabilities that were looked for, by name.
func (p *page) SortedCapabilities() []Change {
	var out []Change
	for _, name := range slices.Sorted(maps.Keys(p.Target.Capabilities)) {
		out = append(out, Change{Name: name, After: p.Target.Capabilities[name]})
	}
	return out
}

var pageFunctions = template.FuncMap{
	"class": class,
	"short": short,
	"count": func(n int, one, more string) string {
		if n == 1 {
			return "1 " + one
		}
		return strconv.Itoa(n) + " " + more
	},
	"segments": func(path string) []string { return strings.Split(path, "/") },
	"any":      func(group string) bool { return group == spec.AnyGroup },
	"join":     strings.Join,
	"split":    func(operation string) []string { return strings.SplitN(operation, " ", 2) },
	// said reads a verdict as people write it.
	"said": func(word string) string { return strings.ReplaceAll(word, "-", " ") },
}

// class is the kind of a status, by which a cell has its colour. That something is not offered is no fault.
func class(status string) string {
	if status == "501" {
		return "not-offered"
	}
	return "s" + status[:min(1, len(status))]
}
