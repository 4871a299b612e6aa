package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// What a deployment says can't be read as a command of the runner, neither in the report nor in an annotation.
func TestAnnotationsOfGitHub(t *testing.T) {
	r := sample()
	r.Findings[0].Requirement, r.Findings[0].Operation = "LC-GET-01", "GET /a,b:c"
	r.Findings[0].Actual = "100% wrong\r\n::set-env name=PATH::/tmp"
	r.Findings[0].Known = ""
	var out bytes.Buffer
	annotate := report.GitHub(&out)
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	told := out.String()
	stop, _, _ := strings.Cut(told, "\n")
	token, found := strings.CutPrefix(stop, "::stop-commands::")
	if !found || len(token) < 20 || strings.Contains(told[len(stop):], token) {
		t.Fatalf("commands are not stopped before the report:\n%s", told)
	}
	out.Reset()
	if err := annotate(r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "::"+token+"::" {
		t.Errorf("commands are not allowed again: %q", lines[0])
	}
	var errors, others int
	for _, line := range lines[1:] {
		switch {
		case strings.HasPrefix(line, "::error title="):
			errors++
		case strings.HasPrefix(line, "::warning title="), strings.HasPrefix(line, "::notice title="):
			others++
		default:
			t.Errorf("no annotation: %q", line)
		}
	}
	if want := 1 + len(r.Findings) + len(r.Baseline.Stale); errors < 2 || errors+others != want {
		t.Errorf("%d errors and %d others of %d findings:\n%s", errors, others, len(r.Findings), out.String())
	}
	if want := "::error title=LC-GET-01 GET /a%2Cb%3Ac::"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
	if want := "100%25 wrong"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}
