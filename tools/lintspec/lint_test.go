package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestTheDocumentsHaveNoProblem(t *testing.T) {
	for _, name := range []string{spec.LifecycleFile, spec.ExecdFile} {
		data, err := os.ReadFile(filepath.Join("..", "..", "spec", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range Lint(t.Context(), name, data) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// Each change to a good document is one that the lint is there to find.
func TestLintFinds(t *testing.T) {
	for name, tc := range map[string]struct{ document, from, to, want string }{
		"an unknown extension": {spec.LifecycleFile, "x-capability: metadata-patch", "x-capabilty: metadata-patch", "unknown extension x-capabilty"},
		"an id used twice":     {spec.LifecycleFile, "operationId: pauseSandbox", "operationId: resumeSandbox", "resumeSandbox"},
		"an operation without 401": {
			spec.ExecdFile, "\"200\":\n          description: The daemon is up, and the token is right. No body.\n        \"401\":\n          $ref: \"#/components/responses/Unauthorized\"\n",
			"\"200\":\n          description: The daemon is up, and the token is right. No body.\n", "documents no 401",
		},
		"an error that is none":      {spec.LifecycleFile, "'409': { $ref: '#/components/responses/Conflict' }", "'409': { description: conflict }", "other than ErrorResponse"},
		"a stream without sequence":  {spec.ExecdFile, "x-event-sequence:\n        - when:", "x-should:\n        - when:", "there is no good x-event-sequence"},
		"a sequence that is none":    {spec.ExecdFile, "init (status | stdout | stderr)* (execution_complete | error)", "init (status | stdout", "POST /command"},
		"an example that is invalid": {spec.LifecycleFile, "page: 1, pageSize: 20, totalItems: 1,", "page: 0, pageSize: 20, totalItems: 1,", "invalid"},
		"two groups":                 {spec.LifecycleFile, "tags: [listing]", "tags: [listing, pause]", "exactly one tag"},
		"no description":             {spec.LifecycleFile, "summary: Freeze a running sandbox", "summary: ''", "summary and a description"},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "..", "spec", tc.document))
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(data), tc.from, tc.to, 1)
			if changed == string(data) {
				t.Fatalf("the document has no %q any more", tc.from)
			}
			problems := strings.Join(Lint(t.Context(), tc.document, []byte(changed)), "\n")
			if !strings.Contains(problems, tc.want) {
				t.Errorf("want a problem with %q, got:\n%s", tc.want, problems)
			}
		})
	}
}
