package spec_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func documents(t *testing.T) (lifecycle, execd *spec.Document) {
	t.Helper()
	lifecycle, err := spec.Lifecycle()
	if err != nil {
		t.Fatal(err)
	}
	execd, err = spec.Execd()
	if err != nil {
		t.Fatal(err)
	}
	return lifecycle, execd
}

func TestDocumentsAreValidAndSoAreTheirExamples(t *testing.T) {
	lifecycle, execd := documents(t)
	for _, doc := range []*spec.Document{lifecycle, execd} {
		if err := doc.Validate(t.Context()); err != nil {
			t.Errorf("%s: %v", doc.Name, err)
		}
	}
}

func TestMatchFindsTheOperationOfARequest(t *testing.T) {
	lifecycle, execd := documents(t)
	for _, tc := range []struct {
		doc          *spec.Document
		method, path string
		want         string
		allowed      string
	}{
		{lifecycle, "GET", "/sandboxes", "listSandboxes", "GET POST"},
		{lifecycle, "PUT", "/sandboxes", "", "GET POST"},
		{lifecycle, "GET", "/sandboxes/", "", ""},
		{lifecycle, "GET", "/sandboxes/a%2Fb", "getSandbox", "DELETE GET"},
		{lifecycle, "GET", "/sandboxes/x/endpoints/8000", "getSandboxEndpoint", "GET"},
		{lifecycle, "GET", "/nothing", "", ""},
		{execd, "GET", "/command/status/abc", "getCommandStatus", "GET"},
		{execd, "GET", "/command/abc/logs", "getCommandLogs", "GET"},
		{execd, "GET", "/code/contexts", "listContexts", "DELETE GET"},
	} {
		op, allowed := tc.doc.Match(tc.method, tc.path)
		got := ""
		if op != nil {
			got = op.ID
		}
		if got != tc.want || strings.Join(allowed, " ") != tc.allowed {
			t.Errorf("%s %s: got %q with %v, want %q with %q", tc.method, tc.path, got, allowed, tc.want, tc.allowed)
		}
	}
}

func TestResponseTakesCommonResponsesWhereTheOperationHasNone(t *testing.T) {
	lifecycle, _ := documents(t)
	op := lifecycle.Operation("listSandboxes")
	for status, documented := range map[int]bool{200: true, 401: true, 404: true, 405: true, 501: true, 503: true, 418: false, 201: false} {
		if got := lifecycle.Response(lifecycle.Must, op.Must, status) != nil; got != documented {
			t.Errorf("status %d: documented %v, want %v", status, got, documented)
		}
	}
	if got := op.Success(); got != http.StatusOK {
		t.Errorf("success of list: %d", got)
	}
}

func TestTheStricterReadingHasWhatIsRecommended(t *testing.T) {
	lifecycle, execd := documents(t)
	must := lifecycle.Response(lifecycle.Must, lifecycle.Operation("createSandbox").Must, http.StatusAccepted)
	should := lifecycle.Response(lifecycle.Should, lifecycle.Operation("createSandbox").Should, http.StatusAccepted)
	if must.Headers["Location"].Value.Required || !should.Headers["Location"].Value.Required {
		t.Error("Location is not a recommendation")
	}
	code := func(doc *spec.Document, reading string) error {
		s := doc.Must.Components.Schemas[spec.ErrorSchema]
		if reading == "should" {
			s = doc.Should.Components.Schemas[spec.ErrorSchema]
		}
		return s.Value.VisitJSON(map[string]any{"code": "lower case", "message": "m"})
	}
	for _, doc := range []*spec.Document{lifecycle, execd} {
		if err := code(doc, "must"); err != nil {
			t.Errorf("%s: a code in lower case is an error: %v", doc.Name, err)
		}
		if code(doc, "should") == nil {
			t.Errorf("%s: a code in lower case is not even a warning", doc.Name)
		}
	}
}

func TestSequenceIsPickedByTheRequest(t *testing.T) {
	_, execd := documents(t)
	op := execd.Operation("runCommand")
	for _, tc := range []struct {
		body map[string]any
		want string
	}{
		{map[string]any{"command": "true"}, "stdout"},
		{map[string]any{"command": "true", "background": false}, "stdout"},
		{map[string]any{"command": "true", "background": true}, "init status*"},
	} {
		got, found, err := op.Sequence(tc.body)
		if err != nil || !found || !strings.Contains(got.Must, tc.want) {
			t.Errorf("%v: %+v, %v, %v", tc.body, got, found, err)
		}
	}
}

func TestLedgerRefusesWhatItCanNotStandFor(t *testing.T) {
	const good = `{id: LC-A-01, level: MUST, group: g, operations: [GET /x], source: API, text: t}`
	for name, tc := range map[string]struct{ row, want string }{
		"good":              {good, ""},
		"every operation":   {strings.Replace(good, "[GET /x]", `"*"`, 1), ""},
		"must, no source":   {strings.Replace(good, "source: API", `source: ""`, 1), "a MUST needs a source"},
		"unknown level":     {strings.Replace(good, "MUST", "MAY", 1), "neither MUST nor SHOULD"},
		"bad id":            {strings.Replace(good, "LC-A-01", "LC-A-1", 1), "not of the form"},
		"unknown field":     {strings.Replace(good, "text: t", "text: t, colour: red", 1), "colour"},
		"no operation":      {strings.Replace(good, "[GET /x]", "[]", 1), "operations are required"},
		"unknown aspect":    {strings.Replace(good, "text: t", "text: t, aspect: smell", 1), "unknown aspect"},
		"the same id twice": {good + ",\n " + good, "twice"},
	} {
		_, err := spec.ReadLedger([]byte("[" + tc.row + "]"))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
	}
}

func TestEveryRowNamesOperationsAndGroupsThatThereAre(t *testing.T) {
	lifecycle, execd := documents(t)
	ledger, err := spec.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	extra := []string{"lifecycle-auth", "streams", spec.AnyGroup}
	for _, row := range ledger {
		doc := lifecycle
		if row.Document() == spec.ExecdFile {
			doc = execd
		}
		groups := append([]string{}, extra...)
		for _, op := range doc.Operations {
			groups = append(groups, op.Group)
		}
		if !contains(groups, row.Group) {
			t.Errorf("%s: no group %q", row.ID, row.Group)
		}
		for _, name := range row.Operations {
			if name != "*" && doc.Operation(name) == nil {
				t.Errorf("%s: no operation %q in %s", row.ID, name, doc.Name)
			}
		}
	}
}

func contains(list []string, item string) bool {
	for _, x := range list {
		if x == item {
			return true
		}
	}
	return false
}

func TestKeyHeaders(t *testing.T) {
	lifecycle, execd := documents(t)
	got := []string{lifecycle.KeyHeader(), execd.KeyHeader()}
	if diff := cmp.Diff([]string{"OPEN-SANDBOX-API-KEY", "X-EXECD-ACCESS-TOKEN"}, got); diff != "" {
		t.Error(diff)
	}
}
