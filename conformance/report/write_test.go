package report_test

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// The page loads nothing, and shows what a deployment said as text, whatever it said.
func TestThePageIsSelfContainedAndHarmless(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	scripts, text := 0, &strings.Builder{}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style":
			text.WriteString(n.Data)
		case n.Data == "script":
			scripts++
		case n.Data == "img" || n.Data == "iframe":
			t.Errorf("the page has a %s", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s has the attribute %s", n.Data, a.Key)
			case (a.Key == "src" || a.Key == "href") && a.Val != "data:,":
				t.Errorf("%s loads %s", n.Data, a.Val)
			}
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts, want the page's own", scripts)
	}
	for _, want := range []string{
		"LC-RENEW-02", "<script>alert(1)</script>", "$OPEN_SANDBOX_API_KEY", "Pending", "stdout", "sandbox-lifecycle.yml:293", "The new time is stored as it comes.", "groups sandboxes, expiry, files, code",
		"not offered", "the sandbox did not become Running", "ticket 8", "2026-09",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	css := regexp.MustCompile(`@import|url\(`)
	for n := range root.Descendants() {
		if n.Data == "style" && css.MatchString(n.FirstChild.Data) {
			t.Error("the style loads something")
		}
	}
}

type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Cases    []struct {
		Name    string  `xml:"name,attr"`
		Failure *string `xml:"failure"`
		Error   *string `xml:"error"`
		Skipped *string `xml:"skipped"`
	} `xml:"testsuite>testcase"`
}

// A failure is what is broken, an error what could not be judged, skipped what need not be or is known.
func TestJUnitTellsFailuresFromWhatWasNotJudged(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteJUnit(&out); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(out.Bytes()) {
		t.Error("it is no UTF-8")
	}
	var got junit
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"the run went through": "passed", "expected failure LC-CREATE-01 POST /sandboxes": "failure", "LC-CREATE-01": "passed",
		"LC-CREATE-07": "passed", "LC-RENEW-02": "failure", "LC-RENEW-03": "skipped", "EX-FILE-01": "error",
		"EX-CODE-01": "skipped", "the group is offered": "failure", "LC-HTTP-01": "passed",
	}
	for _, c := range got.Cases {
		outcome := "passed"
		switch {
		case c.Failure != nil:
			outcome = "failure"
		case c.Error != nil:
			outcome = "error"
		case c.Skipped != nil:
			outcome = "skipped"
		}
		name, _, _ := strings.Cut(c.Name, " The text")
		if outcome != want[name] {
			t.Errorf("%s: %s, want %s", name, outcome, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
	if got.Tests != 10 || got.Failures != 3 || got.Errors != 1 || got.Skipped != 2 {
		t.Errorf("counted %d tests, %d failures, %d errors, %d skipped", got.Tests, got.Failures, got.Errors, got.Skipped)
	}
}

func TestTheSummaryHasALineForEachFinding(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## OpenSandbox conformance: nonconformant\n", "| expiry | nonconformant | 2 | 0 | 1 |\n",
		"- **error** LC-RENEW-02 `POST /sandboxes/{sandboxId}/renew-expiration`: the answer has another status — expected `400`, got `200 OK` (2 times)\n",
		"- **known error** LC-RENEW-03", "— known: ticket 7\n", "- **LC-CREATE-01 POST /sandboxes**: ticket 8\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), ": </script>") {
		t.Error("what a deployment said is read as HTML")
	}
}

func TestTheTextEndsWithTheVerdict(t *testing.T) {
	r := sample()
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if want := "nonconformant: 3 errors, not offered: code; unexpected: 1 failure not expected (known.yaml)\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the end is not %q:\n%s", want, out.String())
	}
	if r.ExitStatus() != 1 {
		t.Errorf("exit %d", r.ExitStatus())
	}
	r.Baseline.Outcome = report.AsExpected
	if r.ExitStatus() != 0 {
		t.Errorf("as expected: exit %d", r.ExitStatus())
	}
}
