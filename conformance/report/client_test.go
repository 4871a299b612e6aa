package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// What clients sent is shown as theirs, and as the text that it is.
func TestTheClientsSideIsShown(t *testing.T) {
	r := watched()
	for form, tc := range map[string]struct {
		write func(io.Writer) error
		want  []string
	}{
		"text":     {r.WriteText, []string{"\nCLIENT ERROR POST /files/upload (2 times)\n", "12 requests of clients judged, 1 findings", "3 breaches that were not kept"}},
		"page":     {r.WriteHTML, []string{"On the client&#39;s side", "client error", "a part of the form is missing", "&lt;/script&gt;"}},
		"markdown": {r.WriteMarkdown, []string{"### On the client's side", "- **error** `POST /files/upload`: a part of the form is missing"}},
	} {
		var out bytes.Buffer
		if err := tc.write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(strings.ReplaceAll(out.String(), "client's side <", "client&#39;s side <"), want) {
				t.Errorf("%s lacks %q", form, want)
			}
		}
	}
}

// What traffic leaves open is no fault of the run.
func TestJUnitOfTrafficHasNoErrors(t *testing.T) {
	for r, want := range map[*report.Report]string{watched(): `errors="0"`, sample(): `errors="1"`} {
		var out bytes.Buffer
		if err := r.WriteJUnit(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String()[:300], want) {
			t.Errorf("want %s in %s", want, out.String()[:300])
		}
	}
}
